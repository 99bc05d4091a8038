/** Lets the keyboard scroll what is larger than its room, and only then: a stop of Tab that does nothing is in the way. */
export function scrollable(room: HTMLElement): () => void {
  const look = (): void => {
    const overflows = room.scrollWidth > room.clientWidth || room.scrollHeight > room.clientHeight;
    if (overflows) room.tabIndex = 0;
    else room.removeAttribute("tabindex");
  };
  const observer = new ResizeObserver(look);
  observer.observe(room);
  for (const inside of room.children) observer.observe(inside);
  return () => observer.disconnect();
}
