;;;; Everything the standard reader knows, in forms that nobody would write like this.

(in-package :cl-user)

(defvar |A (strange) symbol| '|another "one"| "Its value holds bars.")

(defvar \(escaped\) :|key word|)

(list #\( #\) #\" #\| #\\ #\; #\Space #\Newline #\λ #\x)

(list #b1011 #o777 #xFF #36rZZ #c(1 2) #p"/tmp/a" #s(point :x 1) #2a((1 2) (3 4)) #(1 2 3) #*1011 #:gensym)

(list 1 -1 +1 1. 1/2 -3/4 1.5 .5 -0.5e10 1d0 6.02f23 '1+ '+ '- '... '1-)

(list '#1=(a . #1#) #2='b '#2#)

(defun quoting (x)
  `(a ,x ,@(list `(b ,',x) '(c . d)) #'(lambda (y) (list ,x y)) #.(+ 1 2)))

#+(or sbcl (and ccl (not windows)))
#-(or)
(defun guarded () #+sbcl :sbcl #-sbcl :other)

(defun #+sbcl name-one #-sbcl name-two (a #+sbcl b #-sbcl c)
  (list a #+sbcl b #-sbcl c))

(defun strings ()
  (list "" "\"" "\\" "a ; no comment" "#| no comment either |#" "(" ")
(defun not-a-form ()" "~:*~3i~/fn/~[~;~:;~]"))

; a comment with ( and " and | and #|

#| a comment with ( and " and ; |# (defun after-a-comment () 1) ; and one behind

(defun conditions () (list 'a::b 'cl:car :key '#:un))'quoted `(back ,quoted) 42 "string" symbol

(eval-when (:execute)
(defun in-column-zero ()
  1)

(defun also-in-column-zero ()
  2)
)

#.(list 'progn)

(defmacro nested (a)
  ``(,,a ,@',(list a) ,',@(list a)))

(let ((x 1)) (defun 日本語 (x) "文字列 (かっこ" x) (defun 𝔸 () x))
