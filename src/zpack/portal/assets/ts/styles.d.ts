// Style sheets that a script brings along; esbuild gathers them.
declare module "*.css";
