;;;; For those who load the agent with ASDF; the server itself sends or caches the same files.

(defsystem "hotlisp"
  :description "The agent of Hotlisp: hot code reloading inside a running SBCL."
  :license "MIT"
  :serial t
  ;; Loaded at first need elsewhere; a saved program may not find the contribs of its SBCL any more.
  :depends-on ((:require "sb-introspect"))
  ;; The list of files is written once, in files.txt.
  :components #.(with-open-file (stream (merge-pathnames "files.txt" (or *load-truename* *compile-file-truename*)))
                  (loop for name = (read-line stream nil)
                        while name
                        unless (string= name "") collect (list :file name))))
