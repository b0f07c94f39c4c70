"""What every act is: claimed in the rows, carried out beside them, concluded in the rows as they are by then.

``carry_out`` raises nothing that a cloud may say: each answer, refusal and lost answer is a result. It neither reads
nor writes rows. ``conclude`` asks the cloud nothing; requests may have changed the rows while the cloud was asked.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from backend.domain.node import Node
from backend.domain.scope import Scope
from backend.drivers import errors
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.drivers.compute import Server
from backend.engine.reasons import reason_of
from backend.engine.revision import Revision
from backend.engine.settings import EngineSettings


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an act.

    Attributes:
        servers: those that were made, or the one that was asked for, as the cloud told them.
        gone: the server does not exist (any more).
        error: why it is not known to be done, or not all of it.
    """

    act: Act
    servers: Sequence[Server] = ()
    gone: bool = False
    error: errors.CloudError | None = None


@dataclass(frozen=True, slots=True)
class Act(ABC):
    """One thing that the cloud is told. ``scope``: on whose behalf, and where."""

    scope: Scope

    @abstractmethod
    def carry_out(self, cloud: Cloud, catalog: Catalog) -> Result:
        """Do it, and tell what came of it."""

    @abstractmethod
    def conclude(self, result: Result, revision: Revision) -> None:
        """Change what follows from the result.

        Args:
            revision: nodes that ``touches`` named, as far as there are, and all registrations of the cluster where the
                act is about members. What the cloud was seen to say is in these already.
        """

    @abstractmethod
    def touches(self, result: Result) -> Collection[str]:
        """The ids of the nodes that ``conclude`` is about."""

    def rest(self, error: errors.CloudError, settings: EngineSettings) -> timedelta:
        """How long the cloud is left alone by this cluster after that answer."""
        unreached = isinstance(error, errors.CloudUnavailable)
        return settings.cloud_retry if unreached else timedelta(0)


@dataclass(frozen=True, slots=True)
class ActOnServer(Act):
    """An act on the server of a node. ``node``: as it was claimed."""

    tells_gone: ClassVar[bool] = True
    """Whether "there is no such server" is written down as seen, as a look would."""
    ends: ClassVar[bool] = False
    """Whether it is what the act was to bring about: then the server has ended, and is not only unknown."""
    node: Node

    @property
    def server_id(self) -> str:
        assert self.node.server_id is not None
        return self.node.server_id

    @abstractmethod
    def ask(self, cloud: Cloud) -> Server | None:
        """Ask the cloud; the server, where its answer tells it. Raises what a cloud may say."""

    @abstractmethod
    def done(self, result: Result, node: Node, revision: Revision) -> None:
        """What follows for its node, which is there still: the cloud did it, or has no such server."""

    def carry_out(self, cloud: Cloud, catalog: Catalog) -> Result:
        try:
            server = self.ask(cloud)
        except errors.ServerNotFound:
            return Result(self, gone=True)
        except errors.CloudError as error:
            return Result(self, error=error)
        return Result(self, () if server is None else (server,))

    def touches(self, result: Result) -> Collection[str]:
        return (self.node.id,)

    def conclude(self, result: Result, revision: Revision) -> None:
        node = revision.nodes.get(self.node.id)
        if node is None:
            return
        if result.error is None:
            self.done(result, node, revision)
        elif isinstance(result.error, errors.Refused):
            # Tried again later; until then the entry that stays open says what keeps it so.
            self.refused(node, revision)
            revision.remark(node.activity_id, reason_of(result.error, node.instance_type, node.zone))

    def refused(self, node: Node, revision: Revision) -> None:
        """What follows besides for its node where the cloud refused."""

    def rest(self, error: errors.CloudError, settings: EngineSettings) -> timedelta:
        if isinstance(error, errors.NotAuthorized):
            return settings.refused_retry
        return Act.rest(self, error, settings)
