"""Many browsers in one process: raw sockets that speak Socket.IO over websockets, and time what they are told."""
