// A connection may stay open while nothing comes through it. Time counts only while somebody waits
// for bytes: a slow disk is not the server's fault.

/** Fewer bytes than this in the given time are none. */
const trickle = 1024;

/** The answer, whose body fails when for `stallMs` next to nothing arrives. */
export function withStallLimit(
  response: Response,
  stallMs: number,
  ending: AbortController,
): Response {
  if (response.body === null) return response;
  const reader = response.body.getReader();
  let [waited, got] = [0, 0];
  const body = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const started = Date.now();
        const error = new Error(`no bytes for ${stallMs / 1000} s`);
        let timer: ReturnType<typeof setTimeout> | undefined;
        const late = new Promise<never>((_resolve, reject) => {
          timer = setTimeout(() => {
            ending.abort(error);
            reject(error);
          }, stallMs - waited);
        });
        try {
          const { value, done } = await Promise.race([reader.read(), late]);
          if (done) return controller.close();
          got += value.byteLength;
          waited += Date.now() - started;
          if (got >= trickle) [waited, got] = [0, 0];
          controller.enqueue(value);
        } finally {
          clearTimeout(timer);
        }
      },
      cancel: async (reason) => await reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  const { status, statusText, headers } = response;
  return new Response(body, { status, statusText, headers });
}
