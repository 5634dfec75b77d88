"""JSON Web Tokens of an issuer, verified with the keys that it publishes; imported only where there are some."""

from __future__ import annotations

import logging
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx2  # noqa: TID253 - FastMCP's verifier, which this module is about, imports it anyway
from fastmcp.server.auth import AccessToken
from fastmcp.server.auth.providers.jwt import JWTVerifier

from workflow_mcp.errors import Code, UsageError, shown
from workflow_mcp.server.addresses import is_loopback
from workflow_mcp.settings import Settings
from workflow_mcp.work.members import is_principal

logger = logging.getLogger(__name__)

FETCH_TIMEOUT = 10.0
REQUIRED = ("jwt_jwks_uri", "jwt_issuer", "jwt_audience")


class SubjectVerifier(JWTVerifier):
    """Verifies JWTs (RFC 7519) with the issuer's published keys; the subject is the principal.

    A JWT needs an expiry and a subject that no token in the file has as its name. FastMCP's own principal would be the
    program that the user logged in with, the same for all of its users.

    Args:
        settings: name the keys, the issuer, the audience and the algorithm.
        is_taken: whether a name is that of a token in the file.
    """

    def __init__(self, settings: Settings, is_taken: Callable[[str], bool]) -> None:
        client = httpx2.AsyncClient(transport=_Fetching(), timeout=FETCH_TIMEOUT)
        super().__init__(
            jwks_uri=settings.jwt_jwks_uri,
            issuer=settings.jwt_issuer,
            audience=settings.jwt_audience,
            algorithm=settings.jwt_algorithm,
            http_client=client,
        )
        self._is_taken = is_taken

    async def verify_token(self, token: str) -> AccessToken | None:
        """See `TokenVerifier`."""
        verified = await super().verify_token(token)
        subject = None if verified is None or verified.expires_at is None else verified.claims.get("sub")
        if verified is None or not isinstance(subject, str) or not is_principal(subject):
            return None
        if self._is_taken(subject):
            logger.warning("a JWT is refused: its subject %s is a name in the tokens file", shown(subject))
            return None
        return verified.model_copy(update={"client_id": subject})


class _Fetching(httpx2.AsyncHTTPTransport):
    """Says in the log why keys cannot be fetched, for all JWTs are refused meanwhile. Keeps no connection open."""

    def __init__(self) -> None:
        super().__init__(limits=httpx2.Limits(max_keepalive_connections=0))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """See `AsyncBaseTransport`."""
        try:
            response = await super().handle_async_request(request)
        except httpx2.HTTPError as error:
            logger.warning("JWTs cannot be verified: %s: %s", request.url, error or type(error).__name__)
            raise
        if not response.is_success:
            logger.warning("JWTs cannot be verified: %s answers %s", request.url, response.status_code)
        return response


def subject_verifier(settings: Settings, is_taken: Callable[[str], bool]) -> SubjectVerifier:
    """A verifier of the JWTs that the settings name; see `SubjectVerifier`.

    Raises:
        UsageError: `SETTING_INVALID`.
    """
    missing = [name for name in REQUIRED if getattr(settings, name) is None]
    if missing:
        raise UsageError(
            Code.SETTING_INVALID,
            f"{_variable(missing[0])} is not set, and others for JWTs are.",
            f"set {', '.join(map(_variable, REQUIRED))}, or none of them.",
        )
    _check_uri(settings.jwt_jwks_uri or "")
    return SubjectVerifier(settings, is_taken)


def _check_uri(uri: str) -> None:
    """Refuse keys that anybody on the way could exchange."""
    try:
        parts = urlsplit(uri)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_safe = is_whole = False
    if not (is_safe and is_whole):
        raise UsageError(
            Code.SETTING_INVALID,
            f"{_variable('jwt_jwks_uri')}={shown(uri)}: not the https URL of a key set.",
            "set it to the jwks_uri that the issuer publishes; http is for this machine alone.",
        )


def _variable(name: str) -> str:
    return f"WORKFLOW_MCP_{name.upper()}"
