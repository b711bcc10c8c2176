"""Tokens that are told by their shape: a beginning that their issuer documents, and enough after it.

To add one: a row with its beginnings, what follows as a regular expression, and where the issuer says so.
A text without the beginning is not searched for the rest, so a row costs next to nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

# What issuers told GitHub about their tokens.
_GITHUB_LIST = (
    "https://docs.github.com/en/code-security/reference/secret-security/supported-secret-scanning-patterns"
)


class Shape(NamedTuple):
    """A token: what it begins with, what follows, and the source of both."""

    begins: tuple[str, ...]
    rest: str
    source: str


SHAPES = (
    # Models and agents
    Shape(("sk-",), r"[\w-]{16,}+", "https://platform.openai.com/docs/api-reference/authentication"),
    Shape(("gsk_",), r"[A-Za-z0-9]{20,}+", "https://console.groq.com/docs/quickstart"),
    Shape(("xai-",), r"[A-Za-z0-9]{20,}+", "https://docs.x.ai/docs/tutorial"),
    Shape(("r8_",), r"[A-Za-z0-9]{20,}+", "https://replicate.com/docs/topics/security/api-tokens"),
    Shape(("pplx-",), r"[A-Za-z0-9]{20,}+", "https://docs.perplexity.ai/guides/api-key-management"),
    Shape(("hf_",), r"[A-Za-z0-9]{20,}+", "https://huggingface.co/docs/hub/security-tokens"),
    Shape(("nvapi-",), r"[\w-]{20,}+", "https://docs.nvidia.com/ngc/latest/ngc-user-guide.html"),
    Shape(("tvly-",), r"[\w-]{16,}+", "https://docs.tavily.com/documentation/api-reference/introduction"),
    Shape(("pcsk_",), r"\w{20,}+", "https://docs.pinecone.io/guides/projects/manage-api-keys"),
    Shape(("lsv2_",), r"\w{20,}+", "https://docs.smith.langchain.com/administration"),
    # Code and packages
    Shape(
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        r"\w{20,}+",
        "https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github",
    ),
    Shape(
        ("glpat-", "gloas-", "gldt-", "glrt-", "glrtr-", "glcbt-", "glptt-", "glft-", "glimt-", "glagent-"),
        r"[\w.-]{16,}+",
        "https://docs.gitlab.com/security/tokens/#token-prefixes",
    ),
    Shape(("npm_",), r"[A-Za-z0-9]{30,}+", "https://docs.npmjs.com/about-access-tokens"),
    Shape(("pypi-",), r"[\w-]{30,}+", "https://pypi.org/help/#apitoken"),
    Shape(("dckr_pat_", "dckr_oat_"), r"[\w-]{20,}+", "https://docs.docker.com/security/access-tokens/"),
    Shape(("ATATT3",), r"[\w=-]{20,}+", "https://support.atlassian.com/atlassian-account/docs/"),
    Shape(("PMAK-",), r"[a-f0-9-]{20,}+", "https://learning.postman.com/docs/reference/postman-api/"),
    Shape(("lin_api_",), r"[A-Za-z0-9]{20,}+", "https://linear.app/developers/graphql"),
    Shape(("ntn_",), r"[A-Za-z0-9]{20,}+", "https://developers.notion.com/reference/authentication"),
    # Clouds and what runs on them
    Shape(
        ("AKIA", "ASIA"),
        r"[A-Z0-9]{16}+",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html",
    ),
    Shape(("AIza",), r"[\w-]{30,}+", "https://cloud.google.com/docs/authentication/api-keys"),
    Shape(("ya29.",), r"[\w.-]{20,}+", "https://cloud.google.com/docs/authentication/token-types#access"),
    Shape(("GOCSPX-",), r"[\w-]{20,}+", _GITHUB_LIST),
    Shape(("dapi",), r"[a-f0-9]{32}+(?:-\d)?", "https://docs.databricks.com/aws/en/dev-tools/auth/pat"),
    Shape(
        ("dop_v1_", "doo_v1_", "dor_v1_"),
        r"[a-f0-9]{40,}+",
        "https://docs.digitalocean.com/reference/api/create-personal-access-token/",
    ),
    Shape(
        ("hvs.", "hvb.", "hvr."),
        r"[\w-]{20,}+",
        "https://developer.hashicorp.com/vault/docs/concepts/tokens#token-prefixes",
    ),
    Shape(
        ("glsa_", "glc_"),
        r"[\w=+/]{20,}+",
        "https://grafana.com/docs/grafana/latest/administration/service-accounts/",
    ),
    Shape(
        ("NRAK-",), r"[A-Z0-9]{20,}+", "https://docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys/"
    ),
    Shape(("sntrys_", "sntryu_"), r"[\w=+/-]{20,}+", "https://docs.sentry.io/account/auth-tokens/"),
    Shape(
        ("pscale_tkn_", "pscale_pw_"), r"[\w.-]{20,}+", "https://planetscale.com/docs/concepts/service-tokens"
    ),
    Shape(("sbp_",), r"[a-f0-9]{30,}+", "https://supabase.com/docs/reference/api/introduction"),
    Shape(("AGE-SECRET-KEY-1",), r"[A-Z0-9]{30,}+", "https://age-encryption.org/v1"),
    # Messages, mail, payments
    Shape(
        ("xoxa-", "xoxb-", "xoxe-", "xoxe.", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "xapp-"),
        r"[\w.-]{10,}+",
        "https://docs.slack.dev/authentication/tokens/",
    ),
    Shape(
        ("hooks.slack.com/",),
        r"(?:services|workflows|triggers)/[\w/-]{20,}+",
        "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/",
    ),
    Shape(
        ("SG.",),
        r"[\w-]{16,}+\.[\w-]{16,}+",
        "https://www.twilio.com/docs/sendgrid/ui/account-and-settings/api-keys",
    ),
    Shape(("SK",), r"[a-f0-9]{32}+", "https://www.twilio.com/docs/iam/api-keys"),
    Shape(
        ("sk_live_", "sk_test_", "rk_live_", "rk_test_"), r"[A-Za-z0-9]{10,}+", "https://docs.stripe.com/keys"
    ),
    Shape(("whsec_",), r"[A-Za-z0-9+/=]{16,}+", "https://docs.stripe.com/webhooks/signature"),
    Shape(
        ("shpat_", "shpss_", "shpca_", "shppa_"),
        r"[a-fA-F0-9]{30,}+",
        "https://shopify.dev/docs/apps/build/authentication-authorization",
    ),
    # A kubeconfig's keys: "-----BEGIN ... PRIVATE KEY" (RFC 7468) in base64, with RSA, EC, OPENSSH or nothing
    Shape(
        (
            "LS0tLS1CRUdJTiBSU0EgUFJJVkFURS",
            "LS0tLS1CRUdJTiBFQyBQUklWQVRF",
            "LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVEUg",
            "LS0tLS1CRUdJTiBQUklWQVRF",
        ),
        r"[\w+/=]*+",
        "https://www.rfc-editor.org/rfc/rfc7468",
    ),
    # The header of a JSON Web Token begins with {" (RFC 7519); of JWE's five parts (RFC 7516) the second may
    # be empty. Runs with hyphens are long, so one that follows a hyphen is the same run and not begun again.
    Shape(
        ("eyJ",),
        r"(?<!-eyJ)[\w-]{10,}+\.(?:[\w-]{6,}+|(?=\.))(?:\.[\w-]*+){0,3}",
        "https://www.rfc-editor.org/rfc/rfc7519",
    ),
)
# Words are none: task-management-..., sk-learn-... A token has digits or mixed letters, or no end.
_RANDOM = re.compile(r"\d|[a-z][A-Z][\s\S]*[a-z][A-Z]|[A-Z]{5}|[a-z]{20}")
# Not in the middle of a word; but after \n and a quote as JSON writes them, and = as an address does (%3D)
START = r"(?:(?<!\w)|(?<=\\[bfnrt])|(?<=\\u[0-9a-fA-F]{4})|(?<=%[0-9a-fA-F]{2}))"


def random(text: str) -> bool:
    """Whether ``text`` is no word, nor words with hyphens."""
    return _RANDOM.search(text) is not None


@cache
def pattern(shape: Shape) -> re.Pattern[str]:
    """What finds the token in a text, from its first letter to its last."""
    begins = "|".join(map(re.escape, shape.begins))
    return re.compile(f"{START}(?P<begin>{begins}){shape.rest}")


def tokens(text: str) -> Iterator[tuple[int, int]]:
    """Where each token begins and ends."""
    for shape in SHAPES:
        if any(begin in text for begin in shape.begins):
            for match in pattern(shape).finditer(text):
                if random(text[match.end("begin") : match.end()]):
                    yield match.span()
