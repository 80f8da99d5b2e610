// Style sheets that scripts import; esbuild puts them beside the script.
declare module "*.css";
