"""The second step of a login: codes of an authenticator (RFC 6238) and recovery codes."""
