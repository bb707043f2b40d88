/*
 * Colours a cell that begins with `%%silik k1.r` as R, in JupyterLab 4 and Notebook 7.
 *
 * A cell that names kernels of one language in its first line is parsed in that language, found by
 * the extension of their paths. What the editor knows by itself stays below, and comes back as soon
 * as the line is gone: nothing of the notebook changes.
 *
 * This file is what a build would make: a container of module federation with one module. It takes
 * CodeMirror and the tokens from the page that loads it, so it needs no build and no npm.
 */
'use strict';

(() => {
  const SCOPE = 'silik-magics';
  const MAGIC = /^\s*%%silik(?:[ \t]+(.*))?$/;
  const WORD = /"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S+)/g;
  const TAKES_A_VALUE = new Set(['--timeout', '--on-timeout', '--capture']);
  const EXTENSION = /\.([A-Za-z]\w*)$/;
  // Extensions that a kernel has in common with a language that nobody means here.
  const MEANT = { m: 'octave' };
  const NOT_CODE = /markdown|gfm/;
  const PYTHON = /python$/;

  // What the page shares: `{package: {version: {get, loaded, ...}}}`.
  let shared = {};

  /** Return a module of the page; of several versions the loaded one, else the highest. */
  async function take(name) {
    const versions = shared[name] || {};
    const isLower = (one, other) => one.localeCompare(other, 'en', { numeric: true }) < 0;
    const chosen = Object.keys(versions).reduce(
      (best, one) => (best && (versions[best].loaded || isLower(one, best)) ? best : one),
      ''
    );
    if (!chosen) {
      throw new Error(`${SCOPE}: the page shares no ${name}`);
    }
    return (await versions[chosen].get())();
  }

  /** Return the words of a magic's line that are neither options nor their values. */
  function targetsOf(line) {
    const found = MAGIC.exec(line);
    const targets = [];
    let skip = false;
    for (const [word, double, single] of found ? (found[1] || '').matchAll(WORD) : []) {
      if (skip) {
        skip = false;
      } else if (word.startsWith('-')) {
        skip = TAKES_A_VALUE.has(word);
      } else {
        targets.push(double ?? single ?? word);
      }
    }
    return targets;
  }

  /** Return the file extension that the kernels of a magic's line share, or an empty string. */
  function extensionOf(line) {
    const found = targetsOf(line).map(target => (EXTENSION.exec(target) || [])[1]);
    const different = new Set(found.filter(Boolean).map(one => one.toLowerCase()));
    return different.size === 1 ? [...different][0] : '';
  }

  /** Return the editor's entry for a file extension, or null where the cell is right as it is. */
  function languageOf(extension, mimeType, languages) {
    if (!extension || NOT_CODE.test(mimeType) || (extension === 'py' && PYTHON.test(mimeType))) {
      return null;
    }
    return languages.findByName(MEANT[extension] || '') || languages.findByExtension(extension);
  }

  /** Return the first line of a text that is not blank, or its last. */
  function firstLine(text) {
    let line = text.line(1);
    while (line.number < text.lines && !line.text.trim()) {
      line = text.line(line.number + 1);
    }
    return line;
  }

  /** Return an extension for the editor of a cell. */
  function colouring(model, languages, { state, view }) {
    const compartment = new state.Compartment();
    const magicLine = view.Decoration.line({ class: 'silik-magic' });

    const plugin = view.ViewPlugin.fromClass(
      class {
        constructor(editor) {
          this.editor = editor;
          this.language = null;
          this.decorations = view.Decoration.none;
          this.look();
        }

        update(update) {
          if (update.docChanged || update.transactions.some(one => one.reconfigured)) {
            this.look();
          }
        }

        destroy() {
          this.editor = null;
        }

        /** Find the language of the cell as it stands. */
        look() {
          const line = firstLine(this.editor.state.doc);
          const extension = extensionOf(line.text);
          const language = languageOf(extension, model.mimeType, languages);
          this.decorations = MAGIC.test(line.text)
            ? view.Decoration.set([magicLine.range(line.from)])
            : view.Decoration.none;
          if (language !== this.language) {
            this.language = language;
            void this.put(language);
          }
        }

        /** Put a language above the editor's own, or take it away. */
        async put(language) {
          // An editor takes no change while it tells of one: `await` lets it finish first.
          const loaded = await (language && languages.getLanguage(language.name));
          if (this.editor && this.language === language) {
            const support = loaded && loaded.support ? state.Prec.highest(loaded.support) : [];
            this.editor.dispatch({ effects: compartment.reconfigure(support) });
          }
        }
      },
      { decorations: one => one.decorations }
    );

    const theme = view.EditorView.baseTheme({
      '.silik-magic, .silik-magic *': {
        color: 'var(--jp-mirror-editor-meta-color) !important',
        fontWeight: 'normal !important',
        fontStyle: 'normal !important'
      }
    });
    return [compartment.of([]), plugin, theme];
  }

  /** Return the module of the container. */
  async function extension() {
    const [tokens, state, view] = await Promise.all([
      take('@jupyterlab/codemirror'),
      take('@codemirror/state'),
      take('@codemirror/view')
    ]);
    return {
      __esModule: true,
      default: {
        id: `${SCOPE}:colouring`,
        description: 'Colours cells for other kernels in their own language.',
        autoStart: true,
        optional: [tokens.IEditorExtensionRegistry, tokens.IEditorLanguageRegistry],
        activate: (app, extensions, languages) => {
          if (!extensions || !languages) {
            return; // a page without editors
          }
          extensions.addExtension({
            name: SCOPE,
            factory: ({ inline, model }) =>
              inline
                ? tokens.EditorExtensionRegistry.createImmutableExtension(
                    colouring(model, languages, { state, view })
                  )
                : null
          });
        }
      }
    };
  }

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB[SCOPE] = {
    init(scope) {
      shared = scope;
    },
    async get(module) {
      if (module !== './extension') {
        throw new Error(`${SCOPE} has no module ${module}`);
      }
      const made = await extension();
      return () => made;
    }
  };
})();
