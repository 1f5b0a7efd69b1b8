"""The bus between workers on this machine: a Valkey server in memory, on a unix socket, where no other was given."""
