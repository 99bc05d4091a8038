// Which part of a plan is seen: zooming at a point, dragging, going to a spot. Plan units to pixels and back.

import type { Plan, Point } from "./plan";

/** `pixel = plan * scale + offset`. */
export interface Viewport {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** How much larger than fitting a plan can be shown. */
const ZOOM_MAX = 16;

/** The whole plan, in the middle. */
export function fit(plan: Plan, screen: Size): Viewport {
  const scale = Math.min(screen.width / plan.width, screen.height / plan.height);
  return {
    scale,
    x: (screen.width - plan.width * scale) / 2,
    y: (screen.height - plan.height * scale) / 2,
  };
}

/** Larger or smaller by a factor, with what is at this pixel staying there. */
export function zoomAt(view: Viewport, plan: Plan, screen: Size, at: Point, factor: number): Viewport {
  const least = fit(plan, screen).scale;
  const scale = Math.min(least * ZOOM_MAX, Math.max(least, view.scale * factor));
  const ratio = scale / view.scale;
  return inside(
    { scale, x: at.x - (at.x - view.x) * ratio, y: at.y - (at.y - view.y) * ratio },
    plan,
    screen,
  );
}

/** Moved by pixels. */
export function pan(view: Viewport, plan: Plan, screen: Size, dx: number, dy: number): Viewport {
  return inside({ ...view, x: view.x + dx, y: view.y + dy }, plan, screen);
}

/** Moved just so far that this place of the plan is well inside the screen. */
export function reveal(view: Viewport, plan: Plan, screen: Size, at: Point): Viewport {
  const border = Math.min(screen.width, screen.height) / 8;
  const shift = (pixel: number, length: number) =>
    pixel < border ? border - pixel : pixel > length - border ? length - border - pixel : 0;
  const dx = shift(at.x * view.scale + view.x, screen.width);
  const dy = shift(at.y * view.scale + view.y, screen.height);
  return dx === 0 && dy === 0 ? view : pan(view, plan, screen, dx, dy);
}

/** A plan larger than the screen fills it; a smaller one is in the middle. */
function inside(view: Viewport, plan: Plan, screen: Size): Viewport {
  const keep = (offset: number, length: number, room: number) =>
    length <= room ? (room - length) / 2 : Math.min(0, Math.max(room - length, offset));
  return {
    scale: view.scale,
    x: keep(view.x, plan.width * view.scale, screen.width),
    y: keep(view.y, plan.height * view.scale, screen.height),
  };
}
