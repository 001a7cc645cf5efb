"""Verifies the signature of a webhook: reads its secret, headers and body, exits with an error for a refusal."""
import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError

request = json.load(sys.stdin)
try:
    Webhook(request["secret"]).verify(request["body"], dict(request["headers"]), json_parse=False)
except (WebhookVerificationError, ValueError) as error:
    sys.exit(f"{type(error).__name__}: {error}")
