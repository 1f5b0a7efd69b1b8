"""The embedded flag service: what LaunchDarkly's own SDKs and REST client need, on this machine, without an account.

It speaks the streaming and polling protocols of server-side SDKs (FDv1 and FDv2) and version 20240415 of the REST API.
docs/flag-service.md lists route by route what is supported and what is not.
"""
