// plotly's widget weighs five megabytes. A figure brings them once a page; every other one, and every one on a page that
// was loaded again, takes what is there or asks its kernel: so what a page asks for when it is loaded stays small.
const CODE = null;
const KEY = Symbol.for("workbench.plotly");
const PATIENCE = 60_000;

function asked(model) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("the kernel did not send plotly's code")), PATIENCE);
    model.on("msg:custom", (message, buffers) => {
      if (message.kind !== "plotly") return;
      clearTimeout(late);
      resolve(new TextDecoder().decode(buffers[0]));
    });
    model.send({ kind: "plotly" });
  });
}

async function loaded(model) {
  const address = URL.createObjectURL(new Blob([CODE ?? (await asked(model))], { type: "text/javascript" }));
  try {
    return (await import(address)).default;
  } finally {
    URL.revokeObjectURL(address);
  }
}

async function plotly(model) {
  globalThis[KEY] ??= loaded(model);
  try {
    return await globalThis[KEY];
  } catch (error) {
    delete globalThis[KEY]; // the next figure tries again
    throw error;
  }
}

export default () => {
  let made; // not awaited where the model is made: until then anywidget holds its messages back, the code among them
  return {
    initialize(context) {
      made = plotly(context.model).then((figure) => {
        const found = figure();
        found.initialize(context);
        return found;
      });
    },
    async render(context) {
      return (await made).render(context);
    },
  };
};
