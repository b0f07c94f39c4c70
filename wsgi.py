"""The composition root: settings -> store, cloud, Backend, gateway; backend.commands.engines puts engines together.

``gunicorn wsgi:application`` serves; ``python wsgi.py run`` starts gateway and engine on the embedded default.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backend import Backend, config, measures, tracing
from backend.clock import SystemClock
from backend.commands import (
    CannotDo,
    accounts,
    batches,
    engines,
    forecasts,
    hosts,
    line,
    listening,
    messages,
    misnamed,
    offers,
    operator,
    overview,
    person,
    quotas,
    receivers,
    schema,
    seals,
    sources,
)
from backend.commands.doctor import told_of
from backend.commands.line import Command
from backend.commands.opening import (
    ENV_FILE,
    KEY_FILE,
    UNREADABLE,
    DerivedKeys,
    accounts_of,
    cloud_of,
    ended_in,
    keeper_of,
    page_keys_of,
    patience_of,
    regions_of,
    seal_of,
    service_user_of,
    sessions_of,
    settings,
    store_of,
    traces_of,
    webhook_keys_of,
    with_database,
)
from backend.config import BackendSettings
from backend.domain.consultations import Question
from backend.domain.delegation import SecretUnreadable
from backend.domain.ids import account_id
from backend.domain.messages import EVERYWHERE, Telling
from backend.domain.scope import Scope
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.drivers.endings import Ended, nobody
from backend.drivers.errors import Misconfigured
from backend.drivers.log_sink import LogSink
from backend.drivers.messaging import Unusable
from backend.drivers.notifications import OSLO, NotificationSink, opened
from backend.drivers.optional import NoLibrary
from backend.drivers.simulated.accounts import EMBEDDED, USER, number_of
from backend.drivers.webhooks import WebhookSink
from backend.errors import KeysUnreached, StoreUnavailable
from backend.services.sessions import Owned, Sessions
from backend.store.lifecycle import decide_by_default
from backend.store.outlets import Outlets, Send
from backend.store.rooms import Rooms
from backend.store.rows import entry_told
from backend.store.rules import Bus
from backend.store.secrets import new_key
from backend.store.session import Store
from backend.store.shelves import Shelves
from backend.tracing import UNTRACED, Traces
from gateway import commands, inherited, local, log_lines, request_log
from gateway import config as gateway_config
from gateway.app import create_app
from gateway.audit import By, Told
from gateway.auth import keys, sigv4
from gateway.auth.credentials import Credential, FirstOf, StaticCredentials
from gateway.auth.identity import Identity
from gateway.auth.keystone import KeystoneCredentials
from gateway.auth.remote import RemoteVerification
from gateway.auth.sessions import SessionCredentials
from gateway.local import CannotStart
from gateway.metadata import Metadata
from gateway.pipeline import Pipeline
from gateway.receivers import Receivers
from gateway.services import Services
from translators import load, registry  # noqa: F401 - registers every operation
from translators.autoscaling import explaining
from translators.callers import Callers, names_of
from translators.events.bodies import Bodies
from translators.events.consultations import Consultations
from translators.metadata import Guests
from translators.passages import Passages
from translators.receivers import receive
from translators.registry import Caller
from translators.sns.envelopes import notifications
from translators.token_keys import TokenKeys

if TYPE_CHECKING:
    from flask import Flask

    from backend.drivers.openstack.patience import Brief


LOG = logging.getLogger("wsgi")
_REFUSALS = (CannotStart, CannotDo, StoreUnavailable, KeysUnreached, SecretUnreadable, Misconfigured, *UNREADABLE)
"""What says in words for an operator why something cannot be."""


def embedded_identity(chosen: BackendSettings, store: Store) -> Identity:
    """The first key pair of the embedded cloud, and those of its accounts."""
    pair = _first_keys(chosen)
    caller = Caller(access_key=pair.access_key, user_id=EMBEDDED, user_name=USER, project_id=EMBEDDED)
    first = StaticCredentials({pair.access_key: Credential(pair.secret_key, caller)})
    others = KeystoneCredentials(Callers(accounts_of(chosen, store.seal)))
    return Identity(FirstOf(first, others), regions_of(chosen), number_of)


def _first_keys(chosen: BackendSettings) -> keys.KeyPair:
    """Raises CannotDo where nobody has made them."""
    path = Path(chosen.state) / ENV_FILE
    try:
        return keys.read(path)
    except (OSError, KeyError) as error:
        raise CannotDo(
            f"the embedded cloud's keys are not in {path}: coppice run makes them there at its first start,"
            " [DEFAULT] state names the folder"
        ) from error


def keystone_identity(
    chosen: BackendSettings, patience: Brief | None = None, ended: Ended = nobody, traces: Traces = UNTRACED
) -> Identity:
    """Keystone's EC2 credentials, and oslo.policy's rules over the roles of their users."""
    from backend.drivers.openstack.cloud import open_keys
    from gateway.auth.policy import RolePolicy

    known = open_keys(
        chosen.openstack.for_requests(),
        SystemClock(),
        record=measures.shared().exchanged,
        patience=patience,
        ended=ended,
        traces=traces,
    )
    credentials = KeystoneCredentials(Callers(known))
    return Identity(
        credentials,
        regions_of(chosen),
        account_id,
        RemoteVerification(credentials) if chosen.verify == "ec2tokens" else sigv4.verify,
        RolePolicy(asked := gateway_config.parsed(), gateway_config.policy_of(asked)).check,
    )


def sessions_for(chosen: BackendSettings, store: Store, identity: Identity) -> Sessions:
    """Temporary keys of those whose lasting ones are known here. Raises CannotDo."""

    def lasting(access_key: str) -> Owned | None:
        found = identity.credentials.find(access_key)
        return None if found is None else Owned(found.caller.project_id, found.secret)

    return sessions_of(chosen, store, lasting, identity.account_id_of)


def outlets_of(chosen: BackendSettings, catalog: Catalog, cloud: Cloud, store: Store) -> Outlets:
    """What takes messages, and AWS's words for them."""
    regions = regions_of(chosen)
    of_cloud = {mine: name for name, mine in regions.items()}
    account_of = account_id if chosen.driver == "openstack" else number_of
    words = Bodies(
        region_of=lambda region: of_cloud.get(region, region),
        account_of=account_of,
        zone_ids=catalog.zone_ids,
        entry_of=entry_told,
    )

    def is_home(scope: Scope, region: str, account: str) -> bool:
        return (regions.get(region), account) == (scope.region, account_of(scope.project_id))

    rooms = Rooms(SystemClock(), chosen.queues)
    shelves = Shelves(is_home, partial(notifications, endpoint=chosen.messages_endpoint), rooms)
    hooks = WebhookSink(webhook_keys_of(store), SystemClock(), chosen.webhooks)
    asking = Consultations(lambda region: of_cloud.get(region, region), account_of)

    def consult(question: Question) -> frozenset[str]:
        asked = Telling(question.id, asking.asked(question))
        return asking.named(hooks.ask(question.scope, question.target, asked))

    everywhere = bool(chosen.messages_everywhere)
    log = LogSink(Path(chosen.messages_log) if chosen.messages_log else None).send
    bus = Bus(chosen.messages_everywhere, chosen.messages_waiting)
    return Outlets(
        words=words,
        shelves={"sqs": shelves.queue, "sns": shelves.topic, EVERYWHERE: bus},
        sinks={"log": log, "http": hooks.send, "https": hooks.send, **_optional(chosen, cloud)},
        reserved={"log", OSLO, EVERYWHERE},
        everywhere=everywhere,
        decide=partial(decide_by_default, everywhere=everywhere),
        most_waiting=chosen.messages_waiting,
        reaches=shelves.reaches,
        consult=consult,
    )


def _optional(chosen: BackendSettings, cloud: Cloud) -> Mapping[str, Send]:
    """Sinks that an installation has or has not. Raises CannotDo."""
    found: dict[str, Send] = {}
    if cloud.queues is not None:
        found["zaqar"] = cloud.queues.send
    if chosen.notifications_url:
        try:
            notify = opened(chosen.notifications_url, chosen.notifications_topic)
        except (NoLibrary, Unusable) as why:
            raise CannotDo(str(why)) from why
        found[OSLO] = NotificationSink(notify, SystemClock()).send
    return found


def create_gateway() -> Flask:
    """The WSGI application."""
    log_lines.to_stderr()
    chosen = _worker_settings()
    asked = gateway_config.parsed()
    gateway, audit = gateway_config.settings_of(asked), gateway_config.audit_of(asked)
    store = store_of(chosen, seal=seal_of(chosen, inherited.SHARED.left()))
    clock = SystemClock()
    patience = patience_of(chosen)
    embedded = chosen.driver != "openstack"
    ended = ended_in(chosen, store)
    traces = traces_of(chosen, "coppice-gateway")
    identity = embedded_identity(chosen, store) if embedded else keystone_identity(chosen, patience, ended, traces)
    sessions = sessions_for(chosen, store, identity)
    cloud = cloud_of(chosen, store, patience, traces)
    pipeline = Pipeline(
        backend=Backend.build(
            store,
            cloud,
            clock,
            outlets=outlets_of(chosen, Catalog(cloud, clock), cloud, store),
            engine=chosen.engine,
            record_acls=chosen.record_acls,
            sessions=sessions,
            seal=store.seal,
            public_images=chosen.public_images,
            names=chosen.names,
            queue_limits=chosen.queues,
        ),
        credentials=SessionCredentials(identity.credentials, sessions),
        clock=clock,
        regions=identity.regions,
        page_keys=_tokens_of(page_keys_of(store)),
        default_region=chosen.region if chosen.region in identity.regions else next(iter(identity.regions)),
        limits=gateway.limits,
        throttle=gateway.throttle(),
        services=Services(strict=gateway.strict_answers),
        scope_of=lambda who, region: Scope(
            who.project_id, identity.regions[region], names_of(who, identity.account_id_of(who.project_id))
        ),
        account_id_of=identity.account_id_of,
        verify=identity.verify,
        authorize=identity.authorize,
        along=Passages(traces, chosen.client_context),
        observe=request_log.shared() if audit is None else audit.beside(request_log.shared()),
        find_handler=log_lines.about_requests(registry.find if patience is None else patience.handlers(registry.find)),
    )
    keeper_of(chosen, store, leave=inherited.SHARED.leave).start()
    watched = schema.Watched(store, clock)
    names = {mine: name for name, mine in identity.regions.items()}
    receiving = Receivers(
        partial(receive, pipeline.backend),
        clock.monotonic,
        pipeline.throttle,
        pipeline.share_key,
        audit,
        identity.account_id_of,
        lambda region: names.get(region, region),
        pipeline.along,
    )
    return create_app(
        pipeline,
        readiness=lambda: watched.not_ready() or seals.not_ready(store.seal),
        metrics=request_log.shared().metrics_text,
        operator_bind=gateway.operator_bind,
        receivers=receiving,
    )


def _worker_settings() -> BackendSettings:
    """The settings of a process that serves, with the database that those before it had under the same master."""
    chosen = settings()
    _log_from(chosen.log_level)
    for url in inherited.DATABASE.left():
        chosen = with_database(chosen, url)
    inherited.DATABASE.leave([chosen.database_url])
    return chosen


def create_metadata() -> Metadata:
    """The metadata service of guests. Raises CannotDo where nobody could ask it."""
    log_lines.to_stderr()
    chosen = _worker_settings()
    asked = gateway_config.metadata_of(gateway_config.parsed())
    embedded = chosen.driver != "openstack"
    if embedded:
        asked = replace(asked, secret="", project=EMBEDDED)
    elif not asked.secret:
        raise CannotDo("[metadata] secret is not set: it is the metadata_proxy_shared_secret of Neutron's agents")
    store, patience = store_of(chosen, seal=seal_of(chosen, inherited.SHARED.left())), patience_of(chosen)
    backend = Backend.build(store, cloud_of(chosen, store, patience), SystemClock(), names=chosen.names)
    regions = regions_of(chosen)
    region = chosen.region if chosen.region in regions else next(iter(regions))
    guests = Guests(
        backend,
        region,
        lambda project: Scope(project, regions[region]),
        number_of if embedded else account_id,
        nullcontext if patience is None else patience.request,
    )
    keeper_of(chosen, store, leave=inherited.SHARED.leave).start()
    return Metadata(guests, asked, SystemClock(), _tokens_of(page_keys_of(store)))


def main(given: Sequence[str] | None = None) -> int:
    """The command line; see ``backend.commands``."""
    return line.run(COMMANDS, given, _REFUSALS, LOG, tell=_audit)


def _audit(deed: line.Deed) -> None:
    """Tell the audit trail of a command, if it is one to be told of."""
    try:
        audit = gateway_config.audit_of(gateway_config.parsed())
    except UNREADABLE as error:
        LOG.error("where the audit trail is cannot be read: %s", error)  # noqa: TRY400 - the words say it
        return
    if audit is not None:
        told = Told(deed.command, deed.about, reads=deed.looks, status=deed.status, code=deed.code)
        audit.command(told, By(**asdict(person.present())))


def _tokens_of(keys: DerivedKeys) -> TokenKeys:
    return TokenKeys(keys.now, keys.again)


def _log_from(level: str) -> None:
    """Log from that level on, in the form of the settings, and first what nobody reads of them."""
    log_lines.set_level(level)
    log_lines.set_form(settings().log_form)
    if found := _misnamed():
        LOG.warning("%s: the names are no settings', see docs/configuration.md", told_of(found))


def _misnamed() -> Sequence[str]:
    """Settings that nobody reads."""
    known = {group: {option.dest for option in options} for group, options in config.OPTIONS.items()}
    known |= gateway_config.known()
    return misnamed.names(known, os.environ.get("COPPICE_CONFIG"), os.environ)


def _trail() -> Path | None:
    """The file of the audit trail."""
    audit = gateway_config.audit_of(gateway_config.parsed())
    return None if audit is None else audit.file


def _engine_log_from(level: str) -> None:
    """The same for an engine, whose lines name what they are written for."""
    log_lines.name_requests(tracing.request_id)
    _log_from(level)


def _serve(asked: argparse.Namespace) -> None:
    chosen = settings()
    schema.check_url(chosen.database_url)
    seal_of(chosen)
    command = commands.gunicorn(asked.bind)
    if chosen.driver != "openstack":
        _first_keys(chosen)
    log_lines.set_form(chosen.log_form)
    commands.count_together()
    commands.become(command)


def _metadata(asked: argparse.Namespace) -> None:
    schema.check_url(settings().database_url)
    log_lines.set_form(settings().log_form)
    commands.become(commands.metadata(asked.bind))


def _prepare(state: Path, endpoint: str) -> list[str]:
    """Everything that gateway and engine of this machine need; what to do with them, in lines. Raises CannotDo."""
    local.keep_key(state / KEY_FILE, new_key)
    present = settings()
    log_lines.set_form(present.log_form)
    gateway_config.load()
    schema.check_url(present.database_url)
    seal_of(present)
    if present.driver == "openstack":
        words = local.cloud_words(endpoint, present.region, regions_of(present), service_user_of(present))
    else:
        words = local.embedded_words(endpoint, present.region, state)
        words += accounts.kept_profiles(state, accounts_of(present))
    schema.migrate(present.database_url)
    return words


def _run(asked: argparse.Namespace) -> None:
    commands.run(asked, _prepare, Path(__file__), SystemClock())


def _policy_sample(_asked: argparse.Namespace) -> line.Told:
    from gateway.auth import policy

    return policy.sample([(service, name) for service, names in registry.supported().items() for name in names])


def _policy_check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", help="autoscaling:SetDesiredCapacity")
    parser.add_argument("--role", action="append", default=[], help="a role of the caller's; may be given again")
    parser.add_argument("--project", default="", help="id of the caller's project")
    parser.add_argument("--user", default="", help="id of the caller")
    parser.add_argument("--region", default="", help="AWS's name of the region")


def _policy_check(asked: argparse.Namespace) -> line.Told:
    from gateway.auth import policy

    known = {policy.action_of(service, name) for service, names in registry.supported().items() for name in names}
    if asked.action not in known:
        raise CannotDo(f"there is no action {asked.action}: coppice policy sample prints all there are")
    conf = gateway_config.parsed()
    caller = Caller("", asked.user, "", asked.project, roles=frozenset(asked.role))
    return policy.judged(conf, gateway_config.policy_of(conf), caller, asked.action, asked.region)


_POLICY = (
    Command("policy sample", "print a policy file with every rule and action there is", _policy_sample, looks=True),
    Command("policy check", "tell what the rules say of an action", _policy_check, _policy_check_arguments, looks=True),
)
_SERVICES = (
    Command(
        "run",
        "gateway and engine on one machine, embedded state and simulated cloud",
        _run,
        commands.run_arguments,
        cannot="Coppice cannot start",
    ),
    Command(
        "serve",
        "the gateway alone (replaces this process by gunicorn)",
        _serve,
        commands.serve_arguments,
        cannot="The gateway cannot start",
        serves=True,
    ),
    Command(
        "metadata",
        "EC2's metadata service for guests, behind Neutron's agents",
        _metadata,
        commands.metadata_arguments,
        cannot="The metadata service cannot start",
        serves=True,
    ),
    engines.command(outlets_of, _engine_log_from),
    listening.command(_log_from),
)
COMMANDS = (
    *_SERVICES,
    *_POLICY,
    *accounts.COMMANDS,
    *offers.COMMANDS,
    *operator.COMMANDS,
    *messages.COMMANDS,
    *forecasts.COMMANDS,
    *hosts.COMMANDS,
    *quotas.COMMANDS,
    *batches.COMMANDS,
    *receivers.COMMANDS,
    *sources.COMMANDS,
    *overview.commands(explaining.WORDS, _misnamed, _trail),
)


def __getattr__(name: str) -> Any:
    """``application`` and ``metadata`` are made when they are asked for: the other commands need neither."""
    made = {"application": create_gateway, "metadata": create_metadata}.get(name)
    if made is None:
        raise AttributeError(name)
    try:
        return made()
    except _REFUSALS as why:
        raise CannotStart(str(why)) from why
    except AttributeError as error:  # which would look as if there were no application
        raise RuntimeError("the gateway could not be made") from error


if __name__ == "__main__":
    log_lines.to_stderr()
    sys.exit(main())
