"""Whence a spec's model is fetched, and where it will lie here: references resolved, limits kept."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from edged.errors import Problem, SpecRejected
from edged.model.fetching import ModelFile
from edged.model.redact import redact_url
from edged.modelstore.credentials import basic, without_credentials
from edged.modelstore.store import ModelStore
from edged.settings import BroughtModel, Loaded
from edged.settings.schema import OUTBOX_SHARE


def locate_model(name: str, model: BroughtModel, loaded: Loaded) -> ModelFile:
    """What the fetcher is told of an entry of ``spec.models``; it holds secrets now, so never show it.

    Raises `SpecRejected`: for a reference that cannot be resolved, or may not go toward that host.
    """
    path = f"spec.models.{name}"
    resolved = loaded.references.resolve_url(model.url, path=f"{path}.url")
    try:
        url, own = without_credentials(resolved)
    except ValueError:  # its message may hold what was resolved
        message = "cannot be read as a URL; write https://host/path"
        raise SpecRejected([Problem(f"{path}.url", message)]) from None
    authorization = own
    if model.secret is not None:
        if own:
            message = "the URL holds credentials already: leave out these or those"
            raise SpecRejected([Problem(f"{path}.secret", message)])
        authorization = _authorization(model.secret, url, f"{path}.secret", loaded)
    storage = loaded.settings.storage
    store = ModelStore.below(Path(storage.path))
    return ModelFile(
        name=name,
        url=url,
        shown=redact_url(model.url),
        sha256=model.sha256,
        path=str(store.place_of(name, model.sha256)),
        authorization=authorization,
        kept_mb=storage.max_mb * OUTBOX_SHARE,
    )


def _authorization(secret: str, url: str, path: str, loaded: Loaded) -> str:
    host = urlsplit(url).hostname
    value = loaded.references.resolve(f"${{secret:{secret}}}", path=path, host=host)
    if ":" in value:
        return basic(value)
    if not value.isascii() or not value.isprintable():
        message = f"what the secret {secret} holds cannot be sent as a token: it is one line of plain ASCII"
        raise SpecRejected([Problem(path, message)])
    return f"Bearer {value}"
