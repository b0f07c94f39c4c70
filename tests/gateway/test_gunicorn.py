from gunicorn.config import Config

from gateway import log_lines
from gateway.worker import PatientWorker


def test_gunicorn_takes_the_configuration_file():
    import gateway.gunicorn as file

    known = Config()
    taken = {name: value for name, value in vars(file).items() if name in known.settings}
    for name, value in taken.items():
        known.set(name, value)
    assert issubclass(known.worker_class, PatientWorker)
    log = known.logger_class(known)
    formats = {type(handler.formatter) for handler in log.error_log.handlers}
    assert formats == {log_lines.Lines}
    assert {"workers", "threads", "timeout", "keepalive", "graceful_timeout", "child_exit", "post_fork"} <= taken.keys()
