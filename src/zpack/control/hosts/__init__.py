"""Where each container is and whether it runs: what Proxmox says, watched by one worker for all."""
