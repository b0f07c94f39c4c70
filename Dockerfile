# Coppice: one image for its gateway and its engine, the command says which.
#
#   docker build -t coppice .
#   docker run -p 8080:8080 -v coppice:/var/lib/coppice coppice              both in one container
#   docker run -p 8080:8080 ... coppice coppice serve                        the gateway alone
#   docker run --no-healthcheck ... coppice coppice engine                   an engine alone: it listens on no port
#   docker exec CONTAINER coppice account list                               any other command
#
# PORT is where "run" listens and where the health check asks. BASE may be any image of Debian's kind that has
# python3 >= 3.11 with venv.
ARG BASE=python:3.12-slim

FROM ${BASE} AS build
WORKDIR /build
COPY requirements.lock .
# One version of each, held to its hashes. Every dependency comes as a wheel: nothing is compiled here, so no build tools are needed anywhere.
RUN python3 -m venv /opt/coppice \
 && /opt/coppice/bin/pip install --only-binary :all: --no-cache-dir --disable-pip-version-check -r requirements.lock \
 && /opt/coppice/bin/pip uninstall --yes --quiet pip

FROM ${BASE}
RUN groupadd --system --gid 10001 coppice \
 && useradd --system --uid 10001 --gid coppice --home-dir /var/lib/coppice --shell /usr/sbin/nologin coppice \
 && install -d -o coppice -g coppice -m 0750 /var/lib/coppice
COPY --from=build /opt/coppice /opt/coppice
WORKDIR /srv/coppice
COPY LICENSE wsgi.py ./
COPY gateway gateway
COPY translators translators
COPY backend backend
RUN /opt/coppice/bin/python -m compileall -q . \
 && printf '#!/bin/sh\nexec /opt/coppice/bin/python /srv/coppice/wsgi.py "$@"\n' > /opt/coppice/bin/coppice \
 && chmod +x /opt/coppice/bin/coppice
ENV PATH=/opt/coppice/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    OS_DEFAULT__STATE=/var/lib/coppice \
    PORT=8080
USER coppice
VOLUME /var/lib/coppice
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:%s/healthz' % os.environ['PORT'], timeout=4)"]
CMD ["sh", "-c", "exec coppice run --host 0.0.0.0 --port \"$PORT\" --state \"$OS_DEFAULT__STATE\""]
