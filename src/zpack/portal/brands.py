"""How games, engines and runtimes write their own names; what is not known here keeps its id."""

from __future__ import annotations

NAMES = {
    "minecraft": "Minecraft", "vanilla": "Vanilla", "paper": "Paper", "purpur": "Purpur", "fabric": "Fabric",
    "quilt": "Quilt", "forge": "Forge", "neoforge": "NeoForge", "luanti": "Luanti", "minetest": "Minetest",
    "terraria": "Terraria", "valheim": "Valheim", "factorio": "Factorio", "rust": "Rust", "node": "Node.js",
    "nodejs": "Node.js", "python": "Python", "go": "Go", "java": "Java", "php": "PHP", "ruby": "Ruby",
    "dotnet": ".NET", "bun": "Bun", "deno": "Deno",
}  # fmt: skip


def branded(name: object) -> str:
    """Return what people read for an id of the catalog."""
    return NAMES.get(str(name).lower(), str(name))
