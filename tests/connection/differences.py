"""Where we differ from kubectl in how we connect, and why."""

from __future__ import annotations

from dataclasses import dataclass

from tests.connection.credentials import DATA, V1, plugin
from tests.connection.world import Case, Shape, World, case
from tests.loopback import KEPT, refused, response


@dataclass(frozen=True)
class Difference:
    """``kubectl`` and ``ours`` are the words of a refusal; None: the request is sent and answered."""

    name: str
    shape: Shape
    kubectl: str | None
    ours: str | None
    why: str


_NO_ANSWER = "EOF"
_NO_QUESTION = "kubectl asks for a name and a password; we don't, and the server says what nobody may"
_LOCALHOST = (
    "The connection to the server localhost:8080 was refused - did you specify the right host or port?"
)
_NO_DEFAULT = "kubectl's default server, http://localhost:8080, is nobody's; what is missing says more"


def refused_at_first(w: World) -> Case:
    made = case(w, None, plugin(w, V1, {"token": "old"}, {"token": "new"}))
    w.https.answer = lambda request: (
        response(200, KEPT)
        if request.header("Authorization") == ["Bearer new"]
        else refused(401, "Unauthorized", "Unauthorized")
    )
    return made


DIFFERENCES = (
    Difference(
        "a user that has nothing",
        lambda w: case(w, users=[{"name": "admin"}]),
        _NO_ANSWER,
        None,
        _NO_QUESTION,
    ),
    Difference(
        "a key without a certificate",
        lambda w: case(w, None, {"client-key": w.write("k", "x")}),
        _NO_ANSWER,
        None,
        _NO_QUESTION,
    ),
    Difference(
        "a password without a name",
        lambda w: case(w, None, {"password": "p"}),
        _NO_ANSWER,
        'error loading config file "FOLDER/kubeconfig": user "admin": it has a password and no username',
        "kubectl asks for the name",
    ),
    Difference(
        "a user that is not there",
        lambda w: case(w, users=[]),
        _NO_ANSWER,
        'user "admin" was not found for context "here"',
        _NO_QUESTION,
    ),
    Difference(
        "no current context",
        lambda w: case(w, current_context=""),
        _LOCALHOST,
        "no current context is set in the kubeconfig",
        _NO_DEFAULT,
    ),
    Difference(
        "a cluster that is not there",
        lambda w: case(w, clusters=[]),
        _LOCALHOST,
        'cluster "near" was not found for context "here"',
        _NO_DEFAULT,
    ),
    Difference(
        "a context without a cluster",
        lambda w: case(w, contexts=[{"name": "here"}]),
        _LOCALHOST,
        'cluster was not specified for context "here"',
        _NO_DEFAULT,
    ),
    Difference(
        "a cluster without a server",
        lambda w: case(w, {"server": None}),
        _LOCALHOST,
        'no server found for cluster "near"',
        _NO_DEFAULT,
    ),
    Difference(
        "an extra without a value",
        lambda w: case(w, None, None, "--as=x", "--as-user-extra=scopes"),
        None,
        '"scopes" is not KEY=VALUE',
        "kubectl leaves it out without a word",
    ),
    Difference(
        "a token by the flag beside a certificate",
        lambda w: case(w, None, DATA, "--token=mine"),
        None,
        None,
        "kubectl shows both, and the server takes the certificate: that is not who was named",
    ),
    Difference(
        "a token with a line end",
        lambda w: case(w, None, {"token": "secret\n"}),
        'net/http: invalid header field value for "Authorization"',
        None,
        "it is an editor's; kubectl takes it off in a token file",
    ),
    Difference(
        "a limit of time",
        lambda w: case(w, None, None, "--request-timeout=30s"),
        None,
        None,
        "kubectl tells the server, too (?timeout=30s); ours ends the request itself",
    ),
    Difference(
        "a plugin whose first token is refused",
        refused_at_first,
        "You must be logged in to the server (Unauthorized)",
        None,
        "client-go has the new one for its next request, kubectl has no next one: we send the request again",
    ),
)
