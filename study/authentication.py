"""The token of a Ray cluster: whoever reaches a cluster without one may run code in it.

Ray takes it from RAY_AUTH_TOKEN, else from the file that RAY_AUTH_TOKEN_PATH names, else from ~/.ray/auth_token.
"""

import os
import sys
from pathlib import Path

from study.errors import Refused

MODE, TOKEN, TOKEN_PATH = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"


def token_file() -> Path | None:
    """Returns the file that the token is in, or would be, or None where nobody knows.

    Raises:
        Refused: if RAY_AUTH_TOKEN_PATH names a file without a token, which would end Ray, and with it this process.
    """
    named = os.environ.get(TOKEN_PATH)
    if named:
        if not _has_content(Path(named)):
            raise Refused(f"{TOKEN_PATH} names a file that holds a token; got {named!r}; correct it, or unset it")
        return Path(named)
    try:
        return Path.home() / ".ray" / "auth_token"
    except RuntimeError:  # neither HOME nor an entry of this user
        return None


def prepare_joining(address: str) -> None:
    """Sets the mode in which a cluster is joined, and says on stderr where that is one without a token.

    Raises:
        Refused: if a token is demanded and there is none.
    """
    file, mode = token_file(), os.environ.get(MODE, "").lower()
    known = bool(os.environ.get(TOKEN)) or (file is not None and _has_content(file))
    if mode in ("", "token") and known:
        os.environ[MODE] = "token"
        return
    if mode == "token":
        raise Refused(
            f"{MODE}=token needs the cluster's token in {TOKEN}, in the file that {TOKEN_PATH} names, or in "
            f"{file}; got none; copy it from the cluster's head, where `ray get-auth-token` prints it"
        )
    if mode in ("", "disabled"):
        os.environ[MODE] = "disabled"
        sys.stderr.write(
            f"study.launch: joining {address} without a token: whoever reaches that cluster may run code in it; "
            f"start it with {MODE}=token and the file of `ray get-auth-token --generate` on every node\n"
        )


def _has_content(path: Path) -> bool:
    try:
        return bool(path.read_text().strip())
    except (OSError, ValueError):
        return False
