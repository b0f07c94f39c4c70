"""The AWS SDK for JavaScript against the server."""
