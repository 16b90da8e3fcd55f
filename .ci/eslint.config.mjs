// The linter's rules. Type-aware: a promise that nobody awaits is found here, not in production.
//
// Run from the project's root (`npm run lint`). ESLint resolves the patterns below against the
// working directory when the configuration is named on the command line, so they read as if this
// file lay at the top.
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import tseslint from 'typescript-eslint';

const projectRoot = dirname(dirname(fileURLToPath(import.meta.url)));

const FILE_LINES_MAX = 500;
const FUNCTION_LINES_MAX = 70;

const banned = {
  enum: 'No enum: an `as const` object and a union say the same and erase.',
  defaultExport: 'No default export: a name that is searched for must be the same everywhere.',
  exportAll: 'No `export *`: say what the file offers.',
};

function errors(...rules) {
  return Object.fromEntries(rules.map(rule => [rule, 'error']));
}

export default tseslint.config(
  { ignores: ['node_modules/', 'dist/', '.garage/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: projectRoot } },
    rules: {
      // What may go wrong at run time.
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/return-await': ['error', 'in-try-catch'],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: true },
      ],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      eqeqeq: 'error',
      'no-console': 'error',
      ...errors(
        'no-async-promise-executor',
        'no-case-declarations',
        'no-cond-assign',
        'no-constructor-return',
        'no-control-regex',
        'no-debugger',
        'no-duplicate-case',
        'no-dupe-else-if',
        'no-empty-character-class',
        'no-empty-pattern',
        'no-eval',
        'no-ex-assign',
        'no-fallthrough',
        'no-irregular-whitespace',
        'no-misleading-character-class',
        'no-param-reassign',
        'no-prototype-builtins',
        'no-regex-spaces',
        'no-self-assign',
        'no-self-compare',
        'no-sparse-arrays',
        'no-template-curly-in-string',
        'no-unmodified-loop-condition',
        'no-unreachable-loop',
        'no-unsafe-finally',
        'no-unsafe-optional-chaining',
        'no-useless-backreference',
        'no-useless-catch',
        'no-useless-escape',
        'use-isnan',
      ),

      // What a reader pays for.
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/prefer-readonly': 'error',
      'max-lines': ['error', { max: FILE_LINES_MAX }],
      'max-lines-per-function': [
        'error',
        { max: FUNCTION_LINES_MAX, skipBlankLines: true, skipComments: true },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'TSEnumDeclaration', message: banned.enum },
        { selector: 'ExportDefaultDeclaration', message: banned.defaultExport },
        { selector: 'ExportAllDeclaration', message: banned.exportAll },
      ],
      'prefer-const': 'error',
      'no-var': 'error',
      'object-shorthand': 'error',

      // Switched off where they argue with how we write, or find nothing.
      // A port may have one implementation that awaits and one that does not.
      '@typescript-eslint/require-await': 'off',
      // Decoders check what the type already promises: the bytes come from elsewhere.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // Data is `type`, a port is `interface`: the choice says something here.
      '@typescript-eslint/consistent-type-definitions': 'off',
      // tsconfig's noPropertyAccessFromIndexSignature asks for the brackets this rule removes.
      '@typescript-eslint/dot-notation': 'off',
      // `(x): void => other()` is used to pass on a call, and reads well.
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      // A marked hot loop indexes with `!`; elsewhere noUncheckedIndexedAccess makes it rare.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // It asks for `!` where `as` says which type is meant.
      '@typescript-eslint/non-nullable-type-assertion-style': 'off',
      // tsc reports these, with the underscore convention.
      '@typescript-eslint/no-unused-vars': 'off',
      // What makes a brand names it: `parser<NodeId>(pattern)`.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
    },
  },
  {
    // Tests read from top to bottom; their length is their content. They print, too.
    files: ['test/**/*.ts'],
    rules: {
      'max-lines-per-function': 'off',
      'no-console': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  { files: ['deploy/**/*.ts'], rules: { 'no-console': 'off' } },
  {
    // Plain JavaScript: what runs before anything is installed or built.
    files: ['**/*.mjs'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { parser: tseslint.parser },
    rules: {
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'no-undef-init': 'error',
      'max-lines': ['error', { max: FILE_LINES_MAX }],
      'max-lines-per-function': ['error', { max: FUNCTION_LINES_MAX }],
    },
  },
);
