"""A language model behind an OpenAI-compatible address, asked for JSON of a given schema."""

from __future__ import annotations

import http.client
import ipaddress
import json
import socket
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tumorboard.errors import RunError, StudyError

#: An answer that is longer is no list of factors.
_MOST_BYTES = 4_000_000


class _Settings(BaseModel):
    """Settings as a study writes them."""

    model_config = ConfigDict(extra="forbid", strict=True)

    address: str
    model: str = Field(min_length=1)
    timeout_s: float = Field(default=120.0, gt=0)
    allow_remote: bool = False


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect could lead a note out of the house."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Follow none: urllib then reports the status as an error."""
        return


@dataclass(frozen=True)
class LanguageServer:
    """Where a language model answers; nothing is sent before `check` has seen the address.

    Args:
        address: Start of its addresses, such as "http://localhost:8000/v1".
        model: Name of the model as the server knows it.
        timeout_s: Longest wait for one answer.
        allow_remote: Whether it may stand outside this machine and its private network.
    """

    address: str
    model: str
    timeout_s: float = 120.0
    allow_remote: bool = False

    @classmethod
    def of_settings(cls, settings: Mapping[str, object], *, where: str) -> LanguageServer:
        """A server from the keys of a study.

        Raises:
            StudyError: Unknown or missing keys, or an address that is none.
        """
        try:
            checked = _Settings.model_validate(dict(settings))
        except ValidationError as error:
            problems = [
                f"{where}.{'.'.join(map(str, fault['loc']))}: {fault['msg']}."
                for fault in error.errors()
            ]
            raise StudyError(problems) from None
        parts = urllib.parse.urlsplit(checked.address)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise StudyError(
                f"{where}.address: found {checked.address!r}, expected an address such as "
                "'http://localhost:8000/v1', without a user's name."
            )
        return cls(checked.address, checked.model, checked.timeout_s, checked.allow_remote)

    def check(self) -> None:
        """Refuse an address outside this machine and its private network.

        Raises:
            RunError: It is outside and `allow_remote` is not set, or its name is not known here.
        """
        parts = urllib.parse.urlsplit(self.address)
        host = parts.hostname or ""
        try:
            found = socket.getaddrinfo(host, parts.port or 80, type=socket.SOCK_STREAM)
        except OSError as error:
            raise RunError(
                f"{self.address}: the name {host} is not known here ({error})."
            ) from None
        places = {str(entry[4][0]).partition("%")[0] for entry in found}
        outside = sorted(place for place in places if not _is_inside(place))
        if outside and not self.allow_remote:
            raise RunError(
                f"{self.address}: {outside[0]} is outside this machine and its private network, "
                "so no note is sent there. Run the model here, or set allow_remote = true where "
                "the notes may leave."
            )

    def ask(self, system: str, user: str, *, schema: Mapping[str, Any]) -> str:
        """The model's answer to one message, as text that should be JSON of the schema.

        Raises:
            RunError: No answer in time, a fault of the server, or an answer of another form. The
                message holds no text of the note.
        """
        self.check()
        body = {
            "model": self.model,
            "temperature": 0,
            "messages": [
                {"role": "system", "content": system},
                {"role": "user", "content": user},
            ],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": dict(schema), "strict": True},
            },
        }
        request = urllib.request.Request(
            f"{self.address.rstrip('/')}/chat/completions",
            data=json.dumps(body).encode("utf-8"),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        return self._content(self._send(request))

    def _send(self, request: urllib.request.Request) -> bytes:
        """The body of the answer; no proxy stands between, and no redirect is followed."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())
        try:
            with opener.open(request, timeout=self.timeout_s) as answer:
                data: bytes = answer.read(_MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            error.close()
            raise RunError(
                f"{self.address}: the language model answered with status {error.code}, expected "
                f"200. Check its log, and whether it serves {self.model!r}."
            ) from None
        except TimeoutError:
            raise RunError(self._late()) from None
        except (OSError, http.client.HTTPException) as error:
            if isinstance(getattr(error, "reason", None), TimeoutError):
                raise RunError(self._late()) from None
            raise RunError(
                f"{self.address}: the language model cannot be reached ({error}). Is it running?"
            ) from None
        if len(data) > _MOST_BYTES:
            raise RunError(f"{self.address}: an answer of over {_MOST_BYTES:,} bytes was refused.")
        return data

    def _late(self) -> str:
        return (
            f"{self.address}: the language model gave no answer in {self.timeout_s:g} s. Raise "
            "timeout_s, or choose a smaller model."
        )

    def _content(self, data: bytes) -> str:
        try:
            answer = cast("dict[str, Any]", json.loads(data))
            content = answer["choices"][0]["message"]["content"]
        except (ValueError, KeyError, IndexError, TypeError):
            content = None
        if not isinstance(content, str):
            raise RunError(
                f"{self.address}: the answer is not that of an OpenAI-compatible server: expected "
                "choices[0].message.content."
            )
        return content


def _is_inside(place: str) -> bool:
    """Whether an address is of this machine or of a private network (RFC 1918, RFC 4193)."""
    address = ipaddress.ip_address(place)
    return address.is_loopback or (address.is_private and not address.is_link_local)
