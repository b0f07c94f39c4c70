"""Barbican's API for uwsgi: the one that comes with it looks for its paste file in /etc alone."""

from paste import deploy

application = deploy.loadapp("config:${peers}/barbican/etc/barbican/barbican-api-paste.ini")
