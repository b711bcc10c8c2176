"""What is a secret by its shape or its name is masked, and nothing else, in time that grows with the text."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from kubectl_kagent.masking import MASKED, literals, masked, masked_apart, masked_value
from kubectl_kagent.masking.finders import FINDERS
from kubectl_kagent.masking.names import is_secret_name
from kubectl_kagent.masking.shapes import SHAPES, pattern
from kubectl_kagent.masking.stream import Lines, MaskedStream

# Tokens of every row of the table of shapes: their beginnings and how many letters follow.
TOKENS = {
    "sk-proj-": 24, "sk-ant-api03-": 40, "gsk_": 52, "xai-": 80, "r8_": 37, "pplx-": 48, "hf_": 34,
    "nvapi-": 64, "tvly-": 32, "pcsk_": 60, "lsv2_pt_": 40, "ghp_": 36, "gho_": 36, "ghu_": 36,
    "ghs_": 36, "ghr_": 76, "github_pat_": 82, "glpat-": 20, "gloas-": 64, "gldt-": 20, "glrt-": 20,
    "glcbt-": 20, "glptt-": 40, "npm_": 36, "pypi-": 60, "dckr_pat_": 27, "ATATT3": 180,
    "lin_api_": 40, "ntn_": 46, "AIza": 35, "ya29.": 60, "GOCSPX-": 28, "hvs.": 24, "hvb.": 100,
    "glsa_": 40, "glc_": 60, "sntrys_": 60, "pscale_tkn_": 43, "xoxb-": 40, "xoxp-": 40,
    "xapp-1-": 60, "hooks.slack.com/services/T0/B0/": 24, "sk_live_": 24, "rk_live_": 24,
    "sk_test_": 24, "whsec_": 32, "LS0tLS1CRUdJTiBSU0EgUFJJVkFURS": 200,
    "LS0tLS1CRUdJTiBQUklWQVRF": 200,
}  # fmt: skip
HEX = {"dapi": 32, "dop_v1_": 64, "SK": 32, "PMAK-": 40, "sbp_": 40, "shpat_": 32}
UPPER = {"AKIA": 16, "ASIA": 16, "NRAK-": 27, "AGE-SECRET-KEY-1": 58}


def token(begins: str, letters: str, length: int) -> str:
    return begins + "".join(random.Random(begins).choices(letters, k=length - 2)) + "4" + letters[-1]


LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
EXAMPLES = [
    *(token(begins, LETTERS, length) for begins, length in TOKENS.items()),
    *(token(begins, "abcdef0123456789", length) for begins, length in HEX.items()),
    *(token(begins, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", length) for begins, length in UPPER.items()),
    "SG.abcdefgh1234ABCDabcdef.abcdefgh1234ABCDabcdefgh1234ABCDabcdefgh123",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
    "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxMjM0In0.",
    "eyJhbGciOiJSU0EtT0FFUCJ9.OKOawDo13gRp2ojaHV7.48V1_ALb6US04U3b.5eym8TW_c8SuK0lt.XFBoMYUZodetZ",
    "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..48V1_ALb6US04U3b.5eym8TW_c8SuK0lt.XFBoMYUZodetZ",
]


def test_every_shape_has_an_example() -> None:
    assert [shape for shape in SHAPES if not any(map(pattern(shape).fullmatch, EXAMPLES))] == []


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: text[:12])
def test_a_token_wherever_it_stands(text: str) -> None:
    places = [
        "{}",
        "it is {} now",
        "a={}&b=c",
        '"{}"',
        r"line\n{}\nline",
        "%3D{}%26",
        r"\u0022{}\u0022",
        "({}).",
    ]
    for place in places:
        shown = masked(place.format(text))
        assert text[8:] not in shown
        assert MASKED in shown
        assert masked(shown) == shown


PEM = "-----BEGIN RSA PRIVATE KEY-----\n{0}\n{0}\nMIIE=\n-----END RSA PRIVATE KEY-----\n".format(
    "k3Y/+" * 12 + "abcd"
)

# hunter2 is the secret in each.
# What moves, paints, links or selects letters, as it is and as programs write it
SEQUENCES = [
    "\x1b(B\x1b[m",
    "\x1b$(C",
    "\x1b#8",
    "\x1b7",
    "\x1bM",
    "\x0f",
    "\x8d",
    "\x9b31m",
    "\x1b]8;;x\x07",
    "\x1b]8;;x\x1b\\",
    "\x1b]0;Titelü\x9c",
    "\x9d8;;x\x9c",
    "\x1bPq#0\x1b\\",
    r"\u001b(B\u001b[m",
    r"\u001b]8;;x\u0007",
    r"\u001b]8;;x\u001b\\",
    r"\x1b]8;;x\x1b\\",
    r"\e]8;;x\a",
    r"\e[31m",
    r"\u{1b}[31m",
    r"\u009b31m",
    r"\u009B0m",
    r"\x9b31m",
    r"\23331m",
    r"\u009d8;;x\u009c",
    r"\0337",
]

MISSED = [
    # URLs
    "postgres://bob:hunter2@db:5432/x",
    "redis://:hunter2@cache:6379/0",
    "https://bob:hunter2@git.example/x.git",
    "DATABASE_URL=postgresql+psycopg://bob:hunter2@db/x?sslmode=off",
    "amqp://bob:p@hunter2@mq/",
    "https://hunter2hunter2hunter2@git.example/x.git",
    "https://x.blob.core.windows.net/c?sv=2024&sig=hunter2%3D&se=1",
    "https://maps.example/api?key=hunter2&q=berlin",
    "https://s3.example/b?X-Amz-Credential=abc&X-Amz-Signature=hunter2",
    "https://x.example/cb?access_token=hunter2#top",
    "GET /v1/x?api_key=hunter2 HTTP/1.1",
    # command lines
    "tool --password hunter2 --verbose",
    "tool --token hunter2",
    "tool --api-key=hunter2 -v",
    "tool -token hunter2",
    '["tool", "--client-secret", "hunter2"]',
    r"[\"tool\", \"--token\", \"hunter2\"]",
    "curl -s -u bob:hunter2 https://x.example",
    "curl --user 'bob:hunter2' https://x.example",
    "curl -H 'X-Api-Key: hunter2' https://x.example",
    "sshpass -p hunter2 ssh bob@x",
    "curl -su bob:hunter2 https://x.example",
    "kubectl create secret generic db --from-literal=dsn=hunter2 --from-literal 'b=hunter2'",
    "mysql -h db -phunter2 x",
    "redis-cli -h db -a hunter2 ping",
    "docker login -u bob -p hunter2 registry.example",
    # YAML
    "password: |\n  hunter2\nuser: bob",
    "spec:\n  password: |-\n    hunter2\n    hunter2\n  user: bob",
    "password: >+\n\n  hunter2",
    "- token: |\n    hunter2\n  name: x",
    r"password: |\n  hunter2\nuser: bob",
    "passwords:\n- hunter2\n- 'hunter2'\n",
    "client-key-data: hunter2",
    "- name: API_KEY\n  value: hunter2\n",
    "- name: DB_PASSWORD\n  value: 'hunter2'\n",
    # JSON, in JSON, and in JSON in that
    '{"password": "hunter2"}',
    r"{\"password\": \"hunter2\"}",
    r"{\\\"password\\\": \\\"hunter2\\\"}",
    r'{"password": "a\"hunter2"}',
    r"{\"password\": \"a\\\"hunter2\"}",
    '{"password":"hunter2',
    '{"passwords": ["hunter2", "hunter2"]}',
    '{"credentials": {"user": "hunter2", "more": ["hunter2"]}}',
    '{"name": "API_KEY", "value": "hunter2"}',
    r"{\"name\": \"API_KEY\", \"value\": \"hunter2\"}",
    '{"value": "hunter2", "name": "API_KEY"}',
    '{"key": "x-api-key", "value": "hunter2"}',
    '{"auths": {"registry.example": {"auth": "Ym9iOmh1bnRlcjI="}}}',
    '{"kind": "Secret", "data": {"dsn": "aHVudGVyMg==", "other": "hunter2"}, "type": "Opaque"}',
    'apiVersion: v1\ndata:\n  dsn: aHVudGVyMg==\n  other: "hunter2"\nkind: Secret\n',
    "kind: Secret\nstringData:\n  dsn: hunter2\n  file: |\n    hunter2\n",
    "kind: Secret\ndata: {dsn: aHVudGVyMg==}\n",
    '{"kind": "SecretList", "items": [{"metadata": {"name": "x"}, "data": {"dsn": "aHVudGVyMg=="}}]}',
    r"{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"stringData\":{\"dsn\":\"hunter2\"}}",
    "items:\n- data:\n    dsn: hunter2\n  kind: Secret\n- data:\n    dsn: hunter2\nkind: SecretList\n",
    '"data":\n  "dsn": hunter2\n"kind" : "Secret"\n',
    "kind: Secret\ndata: # of the day\n\n# two\n  # three\n  a: x\n\n# four\n  dsn: hunter2\n",
    "kind: Secret\r\ndata:\r\n  a: x\r\n  dsn: hunter2\r\n",
    r'{"output": "apiVersion: v1\ndata:\n  a: x\n  dsn: hunter2\nkind: Secret"}',
    r'{"output": "kind: Secret\ndata:\n  dsn: \"hunter2 hunter2\"\n  e: hunter2", "x": "y"}',
    r'{"o": "{\"p\": \"kind: Secret\\nstringData:\\n  a: x\\n  dsn: hunter2\\n\"}"}',
    "kind: Secret\nstringData:\n  a: |\n    # hunter2\n    hunter2\n  dsn: hunter2\n",
    'kind: Secret\nstringData:\n  a: "x\n    hunter2"\n  "b/c": hunter2\n  d: "x\\ny"\n  e: hunter2\n',
    'kind: Secret\ndata: {a: hunter2, b: "q"}\n',
    "kind: Secret\ndata: {a: hunter2, 'b': 'q'}\n",
    "map[data:map[dsn:hunter2 tls:hunter2 hunter2] kind:Secret type:Opaque]",
    r'{"o": "apiVersion: v1\r\ndata:\r\n  a: x\r\n  dsn: hunter2\r\nkind: Secret\r\n", "rc": 0}',
    r'{"o": "data:\n  dsn: hunter2\nkind: Secret\n"}',
    r"""{'o': 'kind: Secret\ndata:\n  a: "x"\n  dsn: hunter2\nstringData:\n  dsn: "hunter2"\n'}""",
    "{'kind': 'Secret', 'string_data': {'dsn': 'hunter2'}}",
    'v1.Secret{TypeMeta:{Kind:"Secret"}, StringData:map[string]string{"dsn":"hunter2"}}',
    'map[string]interface {}{"data":map[string]interface {}{"dsn":"hunter2"}, "kind":"Secret"}',
    "&Secret{Data:map[string][]byte{dsn: [104],},StringData:map[string]string{dsn: hunter2,},}",
    "+kind: Secret\n+data:\n+  dsn: hunter2\n",
    " kind: Secret\n data:\n   a: x\n-  dsn: hunter2\n+  dsn: hunter2\n",
    "kind: Secret\ndata: &d\n  dsn: hunter2\n",
    "kind: !!str Secret\ndata: !!map\n  dsn: hunter2\n",
    " 1\tkind: Secret\n 2\tdata:\n 3\t  dsn: hunter2\n",
    "1:kind: Secret\n2:data:\n3:  dsn: hunter2\n",
    "> kind: Secret\n> data:\n>   dsn: hunter2\n",
    "kind:        Secret\ndata:\n  dsn: hunter2\n",
    "kind: Secret\nsecret.data: {dsn: hunter2}\n",
    # Python, Go, XML, Markdown
    "{'password': 'hunter2'}",
    "{'token': b'hunter2'}",
    "map[password:hunter2 user:bob]",
    "map[Authorization:[Bearer hunter2] Accept:[*/*]]",
    "<password>hunter2</password>",
    "<ns:apiKey>hunter2</ns:apiKey>",
    "**Password:** hunter2",
    "`API_KEY`: `hunter2`",
    'password := "hunter2"',
    "password => hunter2",
    # headers and connection strings
    "Authorization: Bearer hunter2",
    "Authorization: Negotiate hunter2",
    "X-Auth: hunter2",
    "X-Auth-Token: hunter2",
    "Proxy-Authorization: Basic hunter2",
    "Set-Cookie: a=hunter2; path=/; b=hunter2",
    "authorization: Basic Ym9iOmh1bnRlcjI=",
    "request with bearer abcDEF123hunter2",
    "Server=x;Password=hunter2;Database=y",
    "AccountName=x;AccountKey=hunter2==;EndpointSuffix=y",
    # names
    "DB_PWD=hunter2",
    "SSHPASS=hunter2",
    "REDISCLI_AUTH=hunter2",
    "SMTP_PW=hunter2",
    "Server=x;Uid=a;Pwd=hunter2;Database=y",
    "GITHUB_PAT=hunter2",
    "PGPASSWORD=hunter2 psql",
    "STRIPE_KEY=hunter2",
    "SECRET_KEY_BASE=hunter2",
    "API_KEY_2=hunter2",
    "dbPassword=hunter2",
    "openaiApiKey: hunter2",
    "credentials: hunter2",
    "DB_PASSWORD=hun,ter2hunter2",
    "pass\u200bword: hunter2",
    "password: hun\u200bter2hunter2",
    "\x1b[33mpass\x1b[1mword\x1b[0m=\x1b[38;5;8mhunter2\x1b[m done",
    "\x1b[33mpassword:\x1b[0m hun\x1b[1mter2hunter2",
    "pass\x1b[2Kword: hunter2",
    r'{"msg": "pass\u001b[Kword\u001B[0K=\u001B[?25hhunter2"}',
    r"log: b'pass\x1b[Kword=hunter2'",
    r'{"msg": "pass\u001b[1mword\u001b[0m=\u001B[33mhunter2"}',
    *(
        text.replace("|", sequence)
        for text in ("pass|word=hunter2", "password|=|hunter2", "password: hun|ter2hunter2")
        for sequence in SEQUENCES
    ),
    "\x1b]8;;https://x.example/?access_token=hunter2\x07the page\x1b]8;;\x07",
    "azureAdToken: hunter2",
    # prose
    "Your API key: hunter2",
    "the password is hunter2.",
    "the access key = hunter2",
    "Incorrect API key provided: hunter2",
    "log in with password: hunter2 please",
    "passwords: [hunter2, hunter2]",
    # PEM, whole and cut at either end
    PEM.replace("abcd", "hunter2"),
    PEM.replace("abcd", "hunter2")[:120],
    PEM.replace("abcd", "hunter2")[40:],
    "log: " + json.dumps(PEM.replace("abcd", "hunter2")),
    json.dumps(PEM.replace("abcd", "hunter2"))[60:],
    "-----BEGIN PGP PRIVATE KEY BLOCK-----\nhunter2\n-----END PGP PRIVATE KEY BLOCK-----",
]


@pytest.mark.parametrize("text", MISSED, ids=lambda text: text[:40])
def test_a_secret_is_masked(text: str) -> None:
    shown = masked(text)
    assert "hunter2" not in shown
    assert "aHVudGVyMg" not in shown
    assert "Ym9iOmh1bnRlcjI" not in shown
    assert MASKED in shown
    assert masked(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("key sk-proj-abcdefghijklmnop1234 end", "key sk-p…[masked] end"),
        ("OPENAI_API_KEY=sk-proj-abcdefghijklmnop1234", "OPENAI_API_KEY=sk-p…[masked]"),
        ("\x1b[31msk-proj-abcdefghijklmnop1234\x1b[0m end", "\x1b[31msk-p…[masked]\x1b[0m end"),
        ("key sk-proj-abc\x1b[Kdefghijklmnop1234 end", "key sk-p…[masked] end"),
        ("key sk-\x1b[3Dproj-abcdef\x1b[0 qghijklmnop1234 end", "key sk-p…[masked] end"),
        (r"key sk-proj-abc\u001b[2Kdefghijklmnop1234 end", "key sk-p…[masked] end"),
        (r"key sk-proj-abc\x1b[Kdefghijklmnop1234 end", "key sk-p…[masked] end"),
        ("key sk-proj-abc\x1b]0;A title\x07defghijklmnop1234 end", "key sk-p…[masked] end"),
        ("\x1b]8;;ftp://a:b@c/\x07sign in", "\x1b]8;;ftp://a:[masked]@c/\x07sign in"),
        ('"\\u001b","password":"hunter2"', '"\\u001b","password":"[masked]"'),
        ("\x1btoken=hunter2", "\x1btoken=[masked]"),
        (r"key sk-proj-abc\033[Kdefghijklmnop1234 end", "key sk-p…[masked] end"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nrest", "[masked]\nrest"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF, cut off", "[masked]"),
        ("MIIE\nabcd=\n-----END PRIVATE KEY-----\nrest", "[masked]\nrest"),
        (f"the key:\n{'abcd' * 16}\nabcd=\n-----END PRIVATE KEY-----\nrest", "the key:\n[masked]\nrest"),
        ('{"password": "hunter2", "user": "bob"}', '{"password": "[masked]", "user": "bob"}'),
        (r"{\"api_key\": \"abc\"} tail", r"{\"api_key\": \"[masked]\"} tail"),
        ('{"secret": "cut of', '{"secret": "[masked]'),
        ("db_password = 'x y' z", "db_password = '[masked]' z"),
        ("OPENAI_API_KEY=foo bar", "OPENAI_API_KEY=[masked] bar"),
        ("token: abc", "token: [masked]"),
        ("http://x/?access_token=abc&page=2", "http://x/?access_token=[masked]&page=2"),
        ("postgres://bob:hunter2@db:5432/x", "postgres://bob:[masked]@db:5432/x"),
        ("Authorization: Bearer abcdefghijklmnop", "Authorization: [masked]"),
        ("Authorization: Basic dXNlcjpwYXNz\nHost: x", "Authorization: [masked]\nHost: x"),
        ("Cookie: a=b; c=d", "Cookie: [masked]"),
        ("curl with bearer abcdefghijklmnop1", "curl with bearer [masked]"),
        (
            "a:\n  password: |\n    one\n    two\n  user: bob",
            "a:\n  password: |\n    [masked]\n    [masked]\n  user: bob",
        ),
        ('{"passwords": ["a", "b"], "x": "c"}', '{"passwords": ["[masked]", "[masked]"], "x": "c"}'),
        ("x --token abc --user bob", "x --token [masked] --user bob"),
        (
            "kind: Secret\ndata:\n  a: eA==\nmetadata:\n  name: x",
            "kind: Secret\ndata:\n  a: [masked]\nmetadata:\n  name: x",
        ),
        (
            r'{"o": "kind: Secret\ndata:\n  a: eA==\n  b: x", "p": "q", "data": "r"}',
            r'{"o": "kind: Secret\ndata:\n  a: [masked]\n  b: [masked]", "p": "q", "data": "r"}',
        ),
        (
            '{"kind": "Secret", "data": {"a": "eA==", "b": null, "c": ""}, "type": "Opaque"}',
            '{"kind": "Secret", "data": {"a": "[masked]", "b": null, "c": ""}, "type": "Opaque"}',
        ),
    ],
)
def test_what_is_shown_instead(text: str, shown: str) -> None:
    assert masked(text) == shown
    assert masked(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "the token count is 7",
        "prompt_tokens: 42",
        "MAX_TOKENS=4096",
        '{"maxOutputTokens": 4096}',
        "monkey: banana",
        "PWD=/root",
        "kubectl create configmap db --from-literal=dsn=hunter2",
        "curl http://x.example -H Menu:x -output: y, -you: see, the -menu: item",
        "redis-auth: enabled",
        "redis-auth=disabled",
        ".pgpass=/data/x",
        "Pwd: /data/x",
        "Look at kind: Secret.\n\nData:\n  - 3 pods run\n",
        "Look at kind: Secret.\n\ndata:\n  - 3 pods run\n",
        "OLDPWD=/root",
        "scikit: sk-learn",
        "password: null",
        '{"token": ""}',
        "secret: no",
        "token: ${API_TOKEN}",
        "password: $(DB_PASSWORD)",
        "keyboard; secretary: Ann",
        "KEYBOARD_LAYOUT=de",
        "01a20616-7bf8-7aef-afdb-18091d1b13a3",
        "task-management-with-a-long-name-here",
        "risk-assessment-of-the-whole-company",
        "desk-reservation-service-for-berlin",
        "disk-usage-of-every-node-in-the-cluster",
        "bearer bonds-were-the-thing-in-those-days",
        "basic understanding-of-things",
        "Basic authentication-is-not-enough",
        '{"nextPageToken": "CAUQAA"}',
        "continuation_token=abc123",
        "eos_token: </s>",
        "primary_key: id",
        "PARTITION_KEY=user",
        "cache_key: abc",
        "public_key: ssh-ed25519",
        "token_type: bearer",
        "password_file: /run/secrets/db",
        "secretName: gpt-key",
        "apiKeySecret: gpt-key",
        '{"apiKeySecretKey": "OPENAI_API_KEY"}',
        "imagePullSecrets: [{name: regcred}]",
        "kind: Secret\ndata: {\n}\ntype: Opaque\n",
        "kind: Secret\ndata:\n---\n- x\n> y\n",
        '{"kind": "ConfigMap", "data": {"a": "b"}}',
        "references non-existent secret key: OPENAI_API_KEY",
        'secret "gpt-key" not found',
        "couldn't find key OPENAI_API_KEY in Secret team-a/gpt-key",
        "git clone ssh://git@github.com/x/y",
        "http://kagent-controller.kagent:8083/api",
        "docker run -u 1000:1000 x",
        "the password is required",
        "error: --kagent-token goes with --kagent-url",
        "error: getting credentials: exec: executable aws not found",
        "error: getting credentials: [Errno 2] No such file or directory",
        'couldn\'t get secret: secrets "keys" not found',
        "invalid token: the server has asked for the client to provide credentials",
        "password: str = ''",
        "tool --no-password --verbose",
        "--password-stdin x",
        "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
        "kind: ConfigMap\ndata:\n  a: b\n",
        "tests: 3 pass: 2 fail: 1",
        "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "eyJ is how base64 of JSON begins. So.",
        "std::password::hash",
    ],
)
def test_innocent_text_is_left_alone(text: str) -> None:
    assert masked(text) == text


SECRET_NAMES = """
PASSWORD DB_PASSWORD DB_PWD db_passwd PGPASSWORD passphrase secret client_secret
AWS_SECRET_ACCESS_KEY token HF_TOKEN azureAdToken accessToken access_tokens x-api-key apiKey APIKey
OPENAI_API_KEY API_KEY_2 SECRET_KEY_BASE STRIPE_KEY GITHUB_PAT X-Auth X-Auth-Token Authorization
Proxy-Authorization Cookie Set-Cookie credentials passwords AccountKey client-key-data
Ocp-Apim-Subscription-Key X-Amz-Signature .dockerconfigjson SMTP_PASS private_key
"""


@pytest.mark.parametrize("name", SECRET_NAMES.split())
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


OTHER_NAMES = """
MAX_TOKENS tokens prompt_tokens KEYBOARD_LAYOUT nextPageToken pageToken eos_token key keys
primary_key PUBLIC_KEY monkey keyring topologyKey PWD pass TOKENIZERS_PARALLELISM secretName
secretKeyRef apiKeySecret apiKeySecretKey apiKeyPassthrough imagePullSecrets serviceAccountToken
tokenThreshold author authUrl passwordless compass bypass secretary path_pattern X-Request-Id
"""


@pytest.mark.parametrize("name", OTHER_NAMES.split())
def test_names_of_nothing_secret(name: str) -> None:
    assert not is_secret_name(name)


def test_values() -> None:
    value = {
        "Authorization": "Negotiate abc",
        "headers": {"x-api-key": ["one", "two"], "accept": "*/*"},
        "password": {"value": "x", "length": 8},
        "pin_token": 1234,
        "max_tokens": 5,
        "token": None,
        "note": "use token=abc",
        "flags": [True, 1.5],
        "args": ["--api-key", "abc", "--port", "80", "-v"],
        "env": [{"name": "DB_PWD", "value": "abc"}, {"name": "MODE", "value": "abc"}],
        "headersFrom": [
            {"name": "Authorization", "valueFrom": {"type": "Secret", "name": "tok", "key": "t"}}
        ],
        "secret": {"secretName": "tls", "items": []},
        "apiKeySecret": "gpt-key",
        "auth": "Ym9iOmh1bnRlcjI=",
    }
    assert masked_value(value) == {
        "Authorization": "[masked]",
        "headers": {"x-api-key": ["[masked]", "[masked]"], "accept": "*/*"},
        "password": {"value": "[masked]", "length": "[masked]"},
        "pin_token": "[masked]",
        "max_tokens": 5,
        "token": None,
        "note": "use token=[masked]",
        "flags": [True, 1.5],
        "args": ["--api-key", "[masked]", "--port", "80", "-v"],
        "env": [{"name": "DB_PWD", "value": "[masked]"}, {"name": "MODE", "value": "abc"}],
        "headersFrom": [
            {"name": "Authorization", "valueFrom": {"type": "Secret", "name": "tok", "key": "t"}}
        ],
        "secret": {"secretName": "tls", "items": []},
        "apiKeySecret": "gpt-key",
        "auth": "[masked]",
    }
    assert masked_value(masked_value(value)) == masked_value(value)


def test_the_data_of_a_secret() -> None:
    secret = {"kind": "Secret", "metadata": {"name": "x"}, "data": {"dsn": "eA=="}, "stringData": {"b": "y"}}
    assert masked_value({"items": [secret]}) == {
        "items": [
            {
                "kind": "Secret",
                "metadata": {"name": "x"},
                "data": {"dsn": "[masked]"},
                "stringData": {"b": "[masked]"},
            }
        ]
    }


def test_the_data_of_a_list_of_secrets() -> None:
    listed = {"kind": "SecretList", "items": [{"metadata": {"name": "x"}, "data": {"dsn": "eA=="}}, "odd"]}
    assert masked_value(listed) == {
        "kind": "SecretList",
        "items": [{"metadata": {"name": "x"}, "data": {"dsn": "[masked]"}}, "odd"],
    }


def test_where_secrets_stand() -> None:
    spec = {
        "env": [{"name": "API_KEY", "value": "x"}, {"name": "MODE", "value": "y"}],
        "args": ["serve", "--token=x"],
        "headers": {"x-api-key": "x"},
    }
    assert list(literals(spec, "spec")) == [
        "spec.env[API_KEY].value",
        "spec.args[1]",
        "spec.headers.x-api-key",
    ]


def test_a_change_behind_the_mask_is_seen() -> None:
    """As by kubectl diff of a Secret."""
    old = {
        "headers": {"x-api-key": "one", "x-team": "a"},
        "env": [{"name": "TOKEN", "value": "one"}],
        "prompt": "token=x",
    }
    new = {
        "headers": {"x-api-key": "two", "x-team": "b"},
        "env": [{"name": "TOKEN", "value": "one"}],
        "prompt": "token=y",
    }
    assert masked_apart(old, new) == (
        {
            "headers": {"x-api-key": "[masked] (before)", "x-team": "a"},
            "env": [{"name": "TOKEN", "value": "[masked]"}],
            "prompt": "token=[masked] (before)",
        },
        {
            "headers": {"x-api-key": "[masked] (after)", "x-team": "b"},
            "env": [{"name": "TOKEN", "value": "[masked]"}],
            "prompt": "token=[masked] (after)",
        },
    )
    assert masked_apart({"password": "one"}, {"password": None}) == (
        {"password": "[masked]"},
        {"password": None},
    )


# In pieces


# In a stream it has been shown when the name comes, or the end of the key.
BACKWARDS = [
    text for text in MISSED if text.startswith('{"value"') or ("END" in text and "BEGIN" not in text)
]


@pytest.mark.parametrize(
    "text", [text for text in (*MISSED, *EXAMPLES, "Hello, you.\n\nIt is\nlate.  ") if text not in BACKWARDS]
)
def test_words_in_pieces_are_masked_as_the_whole(text: str) -> None:
    text = f"Here you are:\n\nFirst {text}\n and more.\n"
    for most in (1, 3, 12):
        dice, words, shown, place = random.Random(most), MaskedStream(), "", 0
        while place < len(text):
            size = dice.randint(1, most)
            shown += words.feed(text[place : place + size])
            place += size
        assert shown + words.rest() == masked(text)


def streamed(text: str, size: int = 7) -> str:
    words = MaskedStream()
    return (
        "".join(words.feed(text[place : place + size]) for place in range(0, len(text), size)) + words.rest()
    )


STORED = {f"key-{number}": "aHVudGVyMgAA" * 10 for number in range(120)}


@pytest.mark.parametrize(
    "text",
    [
        *(
            dump(manifest)
            for manifest in (
                {"apiVersion": "v1", "data": STORED, "kind": "Secret"},
                {"kind": "Secret", "metadata": {"note": "of the day " * 500}, "data": STORED},
                {"items": [{"data": {"a": "b"}, "kind": "ConfigMap"}, {"data": STORED, "kind": "Secret"}]},
            )
            for dump in (json.dumps, lambda value: json.dumps(value, indent=1), yaml.safe_dump)
        ),
        yaml.safe_dump({"data": STORED, "kind": "Secret"}).replace("  key-50", "\n\n  key-50"),
        "stringData:\n  k: |\n    kind: Config\n    x: aHVudGVyMg==\nkind: Secret\n",
        json.dumps({"output": yaml.safe_dump({"data": STORED, "kind": "Secret"})}),
    ],
    ids=lambda text: text[:20],
)
def test_a_secret_of_any_size_is_masked_in_pieces(text: str) -> None:
    shown = streamed(f"Here:\n\n{text}\n\nThat was it.\n")
    assert "aHVudGVyMg" not in shown
    assert shown.startswith("Here:\n\n")
    assert shown.endswith("\n\nThat was it.\n")


def test_data_of_which_nobody_says_whose_they_are_are_shown_in_the_end() -> None:
    words, shown = MaskedStream(), ""
    text = json.dumps({"data": {f"name {number}": "some text" for number in range(2000)}}, indent=1)
    held = 0
    for place in range(0, len(text), 7):
        shown += words.feed(text[place : place + 7])
        held = max(held, place + 7 - len(shown))
    assert shown + words.rest() == text
    assert held < 10_000


@pytest.mark.parametrize("size", [5, 100, 1000, 4000])
@pytest.mark.parametrize(
    "text",
    [
        f"data:\n  release: {'QUJD' * 5000}\nkind: Secret\n",
        f'{{"data": {{"release": "{"QUJD" * 5000}"}}, "kind": "Secret"}}\n',
    ],
    ids=["yaml", "json"],
)
def test_a_value_of_any_length_is_masked_in_pieces(text: str, size: int) -> None:
    assert streamed(text, size) == masked(text)
    assert "QUJD" not in masked(text)


@pytest.mark.parametrize(
    "text",
    [
        'kind: Secret\nsec := v1.Secret{\n  Data: map[string][]byte{\n    "a": []byte("hunter2"),\n  },\n}\n'
        "foo(bar) and baz\n",
        'kind: Secret\nstringData: {"user": "bob", "n": 5, "pass": "hunter2"}\ntype: Opaque and words\n',
        "kind: Secret\nstringData: { user: bob, pass: hunter2 }\ntype: Opaque and words\n",
        "data:\n  mode: fast and good\nkind: ConfigMap\n---\nkind: Secret\nmetadata:\n  name: database\n"
        "stringData:\n  a: hunter2\nmore: words\n",
        json.dumps({"data": STORED, "kind": "Secret", "more": "words"}, separators=(",", ":")),
    ],
    ids=["go", "flow", "unquoted", "two kinds", "compact"],
)
@pytest.mark.parametrize("size", [1, 7, 30, 90])
def test_no_word_after_a_secret_is_lost_or_comes_twice(text: str, size: int) -> None:
    shown = streamed(text, size)
    assert "hunter2" not in shown
    assert shown.count("words") == text.count("words")
    assert shown.count("Secret") == text.count("Secret")
    assert shown[-10:] == text[-10:]


@pytest.mark.parametrize(
    "probe", ['"data": {"a": 1}, "x": "y"\n\n', "data:\n\n\n", "data:\n  a: b\nkind: x\n"]
)
def test_a_long_text_in_one_piece_takes_time_in_proportion(probe: str) -> None:
    small, large = (_seconds(streamed_whole, probe * (size // len(probe))) for size in (15_000, 60_000))
    assert large < 8 * max(small, 0.02)


def streamed_whole(text: str) -> str:
    return streamed(text, len(text))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13])
def test_who_tells_of_both_marks_of_a_key_loses_no_word(size: int) -> None:
    begin, end = (f"`-----{word} RSA PRIVATE KEY-----`" for word in ("BEGIN", "END"))
    text = f"A file starts with {begin} and stops with {end}; check that both are there. Then go on.\n"
    assert streamed(text, size) == masked(text)
    assert masked(text).endswith("`; check that both are there. Then go on.\n")


def test_many_secrets_in_pieces_take_no_longer_each() -> None:
    text = "kind: Secret\ndata:\n  a: b\n\n"
    small, large = (_seconds(streamed, text * count) for count in (100, 400))
    assert large < 10 * max(small, 0.01)


def test_words_are_shown_as_they_come() -> None:
    words = MaskedStream()
    assert [words.feed(piece) for piece in ("It is ", "late, ", "go ", "home", ".\n", "By")] == [
        "It is ",
        "late, ",
        "go ",
        "",
        "home.\n",
        "",
    ]
    assert words.rest() == "By"


def test_lines_of_a_private_key() -> None:
    lines = Lines()
    shown = [lines.masked(line) for line in ["key:", *PEM.splitlines(), "done", "token=x"]]
    assert shown == ["key:", *[MASKED] * 5, "done", "token=[masked]"]


BEGIN = "must begin with -----BEGIN RSA PRIVATE KEY-----"


def test_who_only_names_the_mark_hides_nothing_that_is_said_after_it() -> None:
    said = [
        BEGIN,
        "Traceback (most recent call last):",
        '  File "/usr/local/lib/python3/site-packages/cryptography/x509/base.py", line 3, in load',
        "listening on port 8080",
    ]
    lines = Lines()
    assert [lines.masked(line) for line in said] == ["must begin with [masked]", *said[1:]]
    assert masked("\n".join(said)) == "\n".join(["must begin with [masked]", *said[1:]])
    assert (
        masked(f'"{BEGIN}", not {BEGIN} or so')
        == '"must begin with [masked]", not must begin with [masked] or so'
    )


def test_lines_of_a_key_that_a_log_stamps_or_cuts() -> None:
    begin, *body, _ = PEM.splitlines()
    said = [f"07:30:00 INFO {line}" for line in (begin, "Proc-Type: 4,ENCRYPTED", *body)]
    lines = Lines()
    shown = [lines.masked(line) for line in [*said, "07:30:01 INFO done"]]
    assert shown == ["07:30:00 INFO [masked]", *[MASKED] * len(said)]
    assert masked("\n".join(said)) == "07:30:00 INFO [masked]"


RUN = "k3Ykd7Qp" * 8
KEYS = {
    "another line comes between": (
        BEGIN_LINE := "-----BEGIN RSA PRIVATE KEY-----",
        RUN,
        "GET /health 200",
        RUN,
    ),
    "another line comes first": (BEGIN_LINE, "GET /health 200", "a second one", RUN, "hunter2ab"),
    "it is stamped, and its last line is short": (BEGIN_LINE, f"12:00 INFO {RUN}", "12:00 INFO hunter2ab"),
    "it has a head": (BEGIN_LINE, "Comment: made by ops", "Version: GnuPG v2.0.22 (GNU/Linux)", "", RUN),
    "it is one of PGP": ("-----BEGIN PGP PRIVATE KEY BLOCK-----", "Version: GnuPG v2 (GNU/Linux)", "", RUN),
}


@pytest.mark.parametrize("said", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("ends", [True, False], ids=["whole", "cut"])
def test_no_line_of_a_key_is_shown(said: tuple[str, ...], *, ends: bool) -> None:
    end = said[0].replace("BEGIN", "END")
    lines = [*said, *([end, "and then more"] if ends else [])]
    text = "\n".join(lines)
    one, words, shown = Lines(), MaskedStream(), ""
    for place in range(0, len(text), 9):
        shown += words.feed(text[place : place + 9])
    shown += words.rest()
    for found in ("\n".join(map(one.masked, lines)), masked(text), shown):
        assert "k3Yk" not in found
        assert "hunter2" not in found
        assert ("and then more" in found) is ends
    assert shown == masked(text)


@pytest.mark.parametrize("most", [1, 5, 40])
def test_what_is_said_of_the_marks_of_a_key_is_all_there(most: int) -> None:
    begin, end = "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"
    said = (
        f"It begins with {begin} and has lines of letters.\nThey are many.\nThen comes the end.\n\n"
        f"It is {end}, as RFC 7468 says. Keep it safe; show it to nobody.\n"
    )
    dice, words, shown, place = random.Random(most), MaskedStream(), "", 0
    while place < len(said):
        size = dice.randint(1, most)
        shown += words.feed(said[place : place + size])
        place += size
    shown += words.rest()
    assert shown == said.replace(begin, MASKED).replace(end, MASKED)


# In time


def _seconds(work: Callable[[str], Any], text: str) -> float:
    started = time.process_time()
    work(text)
    return time.process_time() - started


PROBES = [
    *(begin for shape in SHAPES for begin in shape.begins),
    *(f"{begin}abcdefgh1234ABCD" for shape in SHAPES for begin in shape.begins),
    *(
        "a",
        "a-",
        "\\",
        '"',
        "[",
        "{",
        "(",
        ":",
        "://",
        "://a:",
        "://a@",
        "\n",
        "\\n",
        " ",
        "=",
        "-",
        "--",
        "- ",
    ),
    *(
        "token",
        'token="',
        "token='",
        "token: ",
        "token: [",
        'token: {"',
        "token: |\n",
        "token: |\n ",
        "token: \n",
    ),
    *(
        '\\"token\\": \\"',
        "Bearer ",
        "secret=",
        "eyJa.",
        "-eyJ",
        "\\neyJ",
        "eyJabcdefghijk.",
        "curl ",
        "curl -u ",
        "mysql ",
    ),
    *(
        '"name": ',
        '"name": "TOKEN", ',
        "name: TOKEN\n",
        '"value": "',
        '"value": "x", "name": "',
        "<token>",
        "?key=",
        "--token ",
    ),
    *(
        "PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY-----",
        "-----BEGIN ",
        "MIIE\n",
    ),
    *(
        "kind: Secret\ndata:\n a: b\n",
        '"kind": "Secret", "data": {',
        "kind: Secret\n- - data: # x\n    a: b\n",
        "kind: Secret\\ndata:\\n  a: b\\n",
        "data:\n",
        "api key: ",
        "password is ",
        "pass\u200bword: ",
    ),
    *(
        "token\x1b]",
        "token\x1b]8;;x\x07",
        "token\x1b[0",
        "token\x1b(",
        "\x9d",
        "\\e]token=",
        "\\u001b]8;;token=",
        "\\u001b",
    ),
    *(
        'password: {"password": ',
        "auth: Ym9iOmh1bnRlcjI= ",
        "token=a,",
        "token=a,b=",
        "\\\\\\",
        "token" + "\\" * 9,
        '"token": {"a": "secret", ',
        '"token": ["secret", {',
        "authorization: ",
    ),
]


@pytest.mark.parametrize("probe", PROBES)
def test_the_time_grows_with_the_text(probe: str) -> None:
    """Of four times the text it takes about four times as long: with a square it would be sixteen times."""
    small, large = (probe * (size // len(probe)) for size in (60_000, 240_000))
    ratio = 0.0
    for _ in range(3):  # the machine does other things too
        ratio = _seconds(masked, large) / max(_seconds(masked, small), 0.002)
        if ratio < 8:
            return
    raise AssertionError(f"{ratio:.1f} times as long")


@pytest.mark.parametrize(
    ("head", "probe", "tail"),
    [
        ('token="', '\\"', ""),
        # a run of backslashes is looked at once, and not from each of them
        *(
            (head, "\\", tail)
            for head in (
                *(
                    "password: {",
                    "kind: Secret\n",
                    "kind: Secret\ndata:\n  a: ",
                    r"kind: Secret\ndata:\n  a: ",
                ),
                *("kind: Secret\ndata: {", "name: password", "secret: |\n  ", ""),
            )
            for tail in ("", '"', "-----END PRIVATE KEY-----")
        ),
    ],
)
def test_the_time_grows_with_what_follows_the_name_of_a_secret(head: str, probe: str, tail: str) -> None:
    small, large = (head + probe * size + tail for size in (30_000, 120_000))
    assert _seconds(masked, large) < 8 * max(_seconds(masked, small), 0.005)


@pytest.mark.parametrize("finder", [finder for _, finder in FINDERS])
def test_each_finder_alone_grows_with_the_text(finder: Callable[[str], Any]) -> None:
    for probe in PROBES:
        small, large = (probe * (size // len(probe)) for size in (10_000, 40_000))
        assert _seconds(lambda text: list(finder(text)), large) < 10 * max(
            _seconds(lambda text: list(finder(text)), small), 0.004
        ), probe
