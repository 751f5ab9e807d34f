"""TLS as the options want it: the broker is always verified."""

from __future__ import annotations

import ssl

from edged.mqtt.failure import TlsFilesError
from edged.mqtt.options import MqttOptions


def tls_context(options: MqttOptions) -> ssl.SSLContext:
    """Reads the files anew, so that a renewed certificate is taken. Raises `TlsFilesError`."""
    try:
        context = ssl.create_default_context(cafile=options.ca)
    except (OSError, ssl.SSLError) as error:
        raise TlsFilesError(f"mqtt.ca {options.ca}: {_file_trouble(error)}") from error
    if options.cert:
        try:
            context.load_cert_chain(options.cert, options.key, password=lambda: b"")
        except (OSError, ssl.SSLError, ValueError) as error:
            files = " and mqtt.key ".join(str(file) for file in (options.cert, options.key) if file)
            raise TlsFilesError(f"mqtt.cert {files}: {_file_trouble(error)}") from error
    return context


def _file_trouble(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "").lower().replace("_", " ")
        if "mismatch" in reason:
            return "the key is not that of the certificate"
        return f"no usable PEM file, or its key has a passphrase ({reason or 'not readable'})"
    return (error.strerror if isinstance(error, OSError) else None) or "cannot be read"
