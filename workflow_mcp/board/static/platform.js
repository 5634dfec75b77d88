/** What differs between a tab of a browser and the frame of an MCP host. The page's first module says which it is. */

/**
 * - `enter()`: begin, before anything is asked for. Resolves to who looks, if that was told. Throws Refused.
 * - `request(path, body)`: ask the interface, or change something with a body. Resolves to the `status`, 0 without an
 *   answer, and the `answer`.
 * - `listen(place, heard)`: tell of a project's changes: `opened()`, `greeted(event)`, `changed(items)`, and `lost(ended)`
 *   when they cannot be told, for good if it has ended. Returns what `close()` ends.
 * - `address()`, `go(hash)`, `replace(hash)`: where the page is; go elsewhere, which the event `hashchange` tells; or
 *   only write the address down.
 * - `look()`: what the bar offers to change how the page looks, a `key`, `label`, `icon` and what to `run`; or null.
 */
export const platform = {};

/** Run on this platform. */
export const runOn = (chosen) => Object.assign(platform, chosen);
