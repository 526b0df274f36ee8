/** Forms that are written again and again, for clients that take snippets. */
import type { Place } from '../place.ts';
import type { Typed } from '../spelling.ts';
import type { Candidate } from './candidates.ts';

/** By the name that is typed; in the snippet syntax of LSP, from the operator on, without the brackets around. */
const snippets: Readonly<Record<string, string>> = {
  defun: 'defun ${1:name} (${2:parameters})\n  "${3:What it returns.}"\n  $0',
  defmacro:
    'defmacro ${1:name} (${2:parameters} &body body)\n  "${3:What it does.}"\n  `(progn\n     ,@body$0)',
  defmethod: 'defmethod ${1:name} ((${2:object} ${3:class}))\n  $0',
  defgeneric: 'defgeneric ${1:name} (${2:object})\n  (:documentation "${3:What it does.}")',
  defclass:
    'defclass ${1:name} (${2:superclass})\n  ((${3:slot} :initarg :${3:slot} :accessor ${1:name}-${3:slot}))\n  (:documentation "${4:What it is.}")',
  'define-condition':
    'define-condition ${1:name} (${2:error})\n  ((${3:slot} :initarg :${3:slot} :reader ${1:name}-${3:slot}))\n  (:report (lambda (condition stream)\n             (format stream "${4:~a}" (${1:name}-${3:slot} condition)))))',
  defpackage: 'defpackage #:${1:name}\n  (:use #:common-lisp)\n  (:export #:${2:symbol})',
  let: 'let ((${1:name} ${2:value}))\n  $0',
  'handler-case': 'handler-case $1\n  (${2:error} (${3:condition})\n    $0)',
  'with-open-file': 'with-open-file (${1:stream} ${2:path} :direction :${3:input})\n  $0',
  dolist: 'dolist (${1:element} ${2:list})\n  $0',
  dotimes: 'dotimes (${1:index} ${2:count})\n  $0',
  'multiple-value-bind': 'multiple-value-bind (${1:first second}) ${2:form}\n  $0',
  'destructuring-bind': 'destructuring-bind (${1:pattern}) ${2:form}\n  $0',
};

/** Where an operator is written inside its bracket and nothing stands behind it yet. */
export function snippetsFor({ lists }: Place, { kind, upper, pattern }: Typed): Candidate[] {
  const [list] = lists;
  if (kind !== 'plain' || upper || pattern === '' || !list || list.objects.length > 1) return [];
  return Object.entries(snippets).map(([name, snippet]) => ({
    name: `${name} …`,
    snippet,
    is: 'n',
    nearness: 'known',
    package: 'form',
  }));
}
