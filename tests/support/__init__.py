"""What several tests share: records, a lake with its jobs, servers, processes."""
