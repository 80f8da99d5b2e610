"""Starting and stopping: the game through its agent, the host through Proxmox (contract §2.4, §8)."""
