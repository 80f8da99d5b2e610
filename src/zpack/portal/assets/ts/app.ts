// What every page loads: htmx, live hints, notices, and the small things a page does by itself.
import htmx from "htmx.org";
import { beginLive } from "./live";
import { beginNotices } from "./notices";
import "./cards";
import "./confirm";
import "./copy";
import "./elapsed";
import "./filter";
import "./keeps";
import "./kept";
import "./menus";
import "./once";
import "./secret";
import "./strength";

declare global {
  interface Window {
    htmx: typeof htmx;
  }
}

window.htmx = htmx;
beginNotices();
beginLive();
