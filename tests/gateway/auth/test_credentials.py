from gateway.auth.credentials import Credential, StaticCredentials
from tests.gateway.world import CALLER


def test_static_credentials_find_their_own():
    first, second = Credential("s1", CALLER), Credential("s2", CALLER, "token")
    keys = StaticCredentials({"A": first, "B": second})
    assert (keys.find("A"), keys.find("B"), keys.find("C")) == (first, second, None)


def test_a_secret_is_never_shown():
    shown = repr(Credential("hush", CALLER, "quiet"))
    assert "hush" not in shown
    assert "quiet" not in shown
