"""Who signed a request: AWS Signature Version 4 and where the secrets come from."""
