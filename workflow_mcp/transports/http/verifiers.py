"""Whose a bearer token is: by the tokens file, by a JSON Web Token of a known issuer, or by either."""

from __future__ import annotations

from dataclasses import dataclass

from fastmcp.server.auth import AccessToken, TokenVerifier

from workflow_mcp.sessions.principals import Principal
from workflow_mcp.settings import Settings
from workflow_mcp.transports.http.tokens import TokenFile


class FileTokenVerifier(TokenVerifier):
    """Lets FastMCP verify tokens with a `TokenFile`; the name in the file is the principal."""

    def __init__(self, tokens: TokenFile) -> None:
        super().__init__()
        self._tokens = tokens

    async def verify_token(self, token: str) -> AccessToken | None:
        """See `TokenVerifier`."""
        name = self._tokens.principal(token)
        return None if name is None else AccessToken(token=token, client_id=name, scopes=[])


class EitherVerifier(TokenVerifier):
    """Takes tokens that any of several verifiers takes.

    FastMCP's `MultiAuth` would name each principal after its verifier as well.
    """

    def __init__(self, *verifiers: TokenVerifier) -> None:
        super().__init__()
        self._verifiers = verifiers

    async def verify_token(self, token: str) -> AccessToken | None:
        """See `TokenVerifier`."""
        for verifier in self._verifiers:
            if (found := await verifier.verify_token(token)) is not None:
                return found
        return None


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens that a server asks for.

    Attributes:
        verifier: verifies them for FastMCP.
        file: the tokens file, if there is one.
    """

    verifier: TokenVerifier
    file: TokenFile | None = None

    async def principal(self, secret: str) -> Principal | None:
        """Whose a token is; None for an unknown one."""
        found = await self.verifier.verify_token(secret)
        return None if found is None else Principal(found.client_id, found.expires_at)

    def has(self, name: str) -> bool:
        """Whether a token in the file has this name now."""
        return self.file is not None and self.file.has(name)


def tokens_of(settings: Settings) -> Tokens | None:
    """What tells whose tokens are; None where none are asked for.

    Raises:
        UsageError: `SETTING_INVALID`, or see `TokenFile`.
    """
    file = None if settings.tokens_file is None else TokenFile(settings.tokens_file)
    of_file = None if file is None else FileTokenVerifier(file)
    if settings.jwt_jwks_uri is None and settings.jwt_issuer is None and settings.jwt_audience is None:
        return None if of_file is None else Tokens(of_file, file)
    from workflow_mcp.transports.http.jwts import subject_verifier

    if file is None or of_file is None:
        return Tokens(subject_verifier(settings, lambda _name: False))
    return Tokens(EitherVerifier(of_file, subject_verifier(settings, file.has)), file)
