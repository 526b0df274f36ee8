;;;; The agent's one package.

(defpackage :hotlisp
  (:use :common-lisp)
  (:documentation "Hot code reloading inside a running SBCL. The server speaks to it in the messages of server/image/protocol.ts.")
  (:export #:serve #:stop-serving #:live-with-parent #:receive))

(in-package :hotlisp)
