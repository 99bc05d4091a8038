/** Lists come in pages; some views need all of them. */

/** Most pages that are read, so that no view loads without end. */
const PAGES_MAX = 50;

/** Reads pages until there are no more. */
export async function all<Page extends { nextPageToken: string }, Row>(
  read: (pageToken: string) => Promise<Page>,
  rows: (page: Page) => readonly Row[],
): Promise<Row[]> {
  const found: Row[] = [];
  for (let token = "", pages = 0; pages < PAGES_MAX; pages += 1) {
    const page = await read(token);
    found.push(...rows(page));
    token = page.nextPageToken;
    if (token === "") break;
  }
  return found;
}
