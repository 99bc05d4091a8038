import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";

// Where calls go while the app is served by vite and not by the gateway.
const gateway = process.env["PARKMESH_GATEWAY"] ?? "http://127.0.0.1:8080";
const proxy = { "^/parkmesh\\.": { target: gateway } };

/** What all faces share is asked for by the page itself, and not only by the face. */
const sharedFirst: Plugin = {
  name: "shared-first",
  transformIndexHtml: {
    order: "post",
    handler: (_, { bundle = {} }) =>
      Object.values(bundle)
        .filter((file) => file.type === "chunk" && file.name === "shared")
        .map((file) => ({
          tag: "link",
          injectTo: "head",
          attrs: { rel: "modulepreload", crossorigin: true, href: `/${file.fileName}` },
        })),
  },
};

export default defineConfig({
  plugins: [svelte(), sharedFirst],
  server: { host: "127.0.0.1", port: 5173, proxy },
  preview: { host: "127.0.0.1", port: 4173, proxy },
  build: {
    target: "es2023",
    // The gateway forbids inline sources.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
    rolldownOptions: {
      output: {
        // What all faces share is one file, and so is the driver's first view: on a slow network each file more costs a way there and back.
        codeSplitting: {
          groups: [
            // What asks for all others, and so must not wait for them.
            { name: "begin", test: /preload-helper|rolldown|src\/lib\/face/ },
            {
              name: "shared",
              test: /node_modules|src\/(lib|ui)\/(?!face)|src\/gen\/(?!parkmesh\/sensor)/,
              minShareCount: 2,
            },
            { name: "driver", test: /src\/driver\/(main|Driver|Nav|api|words|find\/|state\/|booking\/live)/ },
          ],
        },
      },
    },
  },
});
