/** What the symbols of the standard name, where no image is there to ask. */
import { readSymbol } from '../source/index.ts';

/**
 * The 978 external symbols of COMMON-LISP, a line each: name, what it names (a letter each, as KnownName.is of the wire contract; - for
 * nothing), lambda list of the operator. From SBCL 2.2.9, special operators and macros that take their arguments apart by hand after the standard.
 */
const table = `
&allow-other-keys -
&aux -
&body -
&environment -
&key -
&optional -
&rest -
&whole -
* fv (&rest numbers)
** v
*** v
*break-on-signals* v
*compile-file-pathname* v
*compile-file-truename* v
*compile-print* v
*compile-verbose* v
*debug-io* v
*debugger-hook* v
*default-pathname-defaults* v
*error-output* v
*features* v
*gensym-counter* v
*load-pathname* v
*load-print* v
*load-truename* v
*load-verbose* v
*macroexpand-hook* v
*modules* v
*package* v
*print-array* v
*print-base* v
*print-case* v
*print-circle* v
*print-escape* v
*print-gensym* v
*print-length* v
*print-level* v
*print-lines* v
*print-miser-width* v
*print-pprint-dispatch* v
*print-pretty* v
*print-radix* v
*print-readably* v
*print-right-margin* v
*query-io* v
*random-state* v
*read-base* v
*read-default-float-format* v
*read-eval* v
*read-suppress* v
*readtable* v
*standard-input* v
*standard-output* v
*terminal-io* v
*trace-output* v
+ fv (&rest numbers)
++ v
+++ v
- fv (number &rest more-numbers)
/ fv (number &rest more-numbers)
// v
/// v
/= f (number &rest more-numbers)
1+ f (number)
1- f (number)
< f (number &rest more-numbers)
<= f (number &rest more-numbers)
= f (number &rest more-numbers)
> f (number &rest more-numbers)
>= f (number &rest more-numbers)
abort f (&optional condition)
abs f (number)
acons f (key datum alist)
acos f (number)
acosh f (number)
add-method g (generic-function method)
adjoin f (item list &key key (test #'eql testp) (test-not nil notp))
adjust-array f (array dimensions &key (element-type (array-element-type array) element-type-p) (initial-element nil element-p) (initial-contents nil contents-p) fill-pointer displaced-to (displaced-index-offset 0 offset-p))
adjustable-array-p f (array)
allocate-instance g (class &rest initargs)
alpha-char-p f (char)
alphanumericp f (char)
and md (&rest forms)
append f (&rest lists)
apply f (function arg &rest arguments)
apropos f (string-designator &optional package external-only)
apropos-list f (string-designator &optional package-designator external-only &aux (string (the simple-string (stringify-string-designator string-designator))))
aref f (array &rest subscripts)
arithmetic-error r
arithmetic-error-operands f (condition)
arithmetic-error-operation f (condition)
array c
array-dimension f (array axis-number)
array-dimension-limit k
array-dimensions f (array)
array-displacement f (array)
array-element-type f (array)
array-has-fill-pointer-p f (array)
array-in-bounds-p f (array &rest subscripts)
array-rank fd (array)
array-rank-limit k
array-row-major-index f (array &rest subscripts)
array-total-size fd (array)
array-total-size-limit k
arrayp f (object)
ash f (integer count)
asin f (number)
asinh f (number)
assert m (test &optional places datum &rest arguments)
assoc f (item alist &key key (test nil testp) (test-not nil notp))
assoc-if f (predicate alist &key key)
assoc-if-not f (predicate alist &key key)
atan f (y &optional (x nil xp))
atanh f (number)
atom fd (object)
base-char d
base-string c
bignum c
bit fd (bit-array &rest subscripts)
bit-and f (bit-array-1 bit-array-2 &optional result-bit-array)
bit-andc1 f (bit-array-1 bit-array-2 &optional result-bit-array)
bit-andc2 f (bit-array-1 bit-array-2 &optional result-bit-array)
bit-eqv f (bit-array-1 bit-array-2 &optional result-bit-array)
bit-ior f (bit-array-1 bit-array-2 &optional result-bit-array)
bit-nand f (bit-array-1 bit-array-2 &optional result-bit-array)
bit-nor f (bit-array-1 bit-array-2 &optional result-bit-array)
bit-not f (bit-array &optional result-bit-array)
bit-orc1 f (bit-array-1 bit-array-2 &optional result-bit-array)
bit-orc2 f (bit-array-1 bit-array-2 &optional result-bit-array)
bit-vector c
bit-vector-p f (object)
bit-xor f (bit-array-1 bit-array-2 &optional result-bit-array)
block s (name &body body)
boole f (op integer1 integer2)
boole-1 k
boole-2 k
boole-and k
boole-andc1 k
boole-andc2 k
boole-c1 k
boole-c2 k
boole-clr k
boole-eqv k
boole-ior k
boole-nand k
boole-nor k
boole-orc1 k
boole-orc2 k
boole-set k
boole-xor k
boolean d
both-case-p f (char)
boundp f (symbol)
break f (&optional (datum "break") &rest arguments)
broadcast-stream t
broadcast-stream-streams f (instance)
built-in-class c
butlast f (list &optional (n 1))
byte f (size position)
byte-position f (bytespec)
byte-size f (bytespec)
caaaar f (list)
caaadr f (list)
caaar f (list)
caadar f (list)
caaddr f (list)
caadr f (list)
caar f (list)
cadaar f (list)
cadadr f (list)
cadar f (list)
caddar f (list)
cadddr f (list)
caddr f (list)
cadr f (list)
call-arguments-limit k
call-method m (method &optional next-methods)
call-next-method f (&rest args)
car f (list)
case m (keyform &rest clauses)
catch s (tag &body body)
ccase m (keyplace &rest clauses)
cdaaar f (list)
cdaadr f (list)
cdaar f (list)
cdadar f (list)
cdaddr f (list)
cdadr f (list)
cdar f (list)
cddaar f (list)
cddadr f (list)
cddar f (list)
cdddar f (list)
cddddr f (list)
cdddr f (list)
cddr f (list)
cdr f (list)
ceiling f (number &optional (divisor 1))
cell-error r
cell-error-name f (condition)
cerror f (continue-string datum &rest arguments)
change-class g (instance new-class-name &rest initargs &key &allow-other-keys)
char f (string index)
char-code fd (char)
char-code-limit k
char-downcase f (char)
char-equal f (character &rest more-characters)
char-greaterp f (character &rest more-characters)
char-int f (char)
char-lessp f (character &rest more-characters)
char-name f (char)
char-not-equal f (character &rest more-characters)
char-not-greaterp f (character &rest more-characters)
char-not-lessp f (character &rest more-characters)
char-upcase f (char)
char/= f (character &rest more-characters)
char< f (character &rest more-characters)
char<= f (character &rest more-characters)
char= f (character &rest more-characters)
char> f (character &rest more-characters)
char>= f (character &rest more-characters)
character fc (object)
characterp f (object)
check-type m (place type &optional type-string)
cis f (theta)
class c
class-name g (class)
class-of f (x)
clear-input f (&optional (stream *standard-input*))
clear-output f (&optional (stream *standard-output*))
close g (stream &key abort)
clrhash f (hash-table)
code-char f (code)
coerce f (object output-type-spec)
compilation-speed -
compile f (name &optional (definition (or (and (symbolp name) (macro-function name)) (fdefinition name))))
compile-file f (input-file &key (output-file "" output-file-p) ((:verbose *compile-verbose*) *compile-verbose*) ((:print *compile-print*) *compile-print*) (external-format :default) ((:progress *compile-progress*) *compile-progress*) (trace-file nil) ((:block-compile *block-compile-argument*) *block-compile-default*) ((:entry-points *entry-points-argument*) nil) (emit-cfasl *emit-cfasl*))
compile-file-pathname f (input-file &key (output-file nil output-file-p) &allow-other-keys)
compiled-function d
compiled-function-p f (object)
compiler-macro -
compiler-macro-function f (name &optional env)
complement f (function)
complex fc (realpart &optional (imagpart 0))
complexp f (object)
compute-applicable-methods g (generic-function arguments)
compute-restarts f (&optional condition)
concatenate f (result-type &rest sequences)
concatenated-stream t
concatenated-stream-streams f (instance)
cond m (&rest clauses)
condition r
conjugate f (number)
cons fc (se1 se2)
consp f (object)
constantly f (value)
constantp f (form &optional (environment nil envp))
continue f (&optional condition)
control-error r
copy-alist f (alist)
copy-list f (list)
copy-pprint-dispatch f (&optional (table *print-pprint-dispatch*))
copy-readtable f (&optional (from-readtable *readtable*) to-readtable)
copy-seq f (sequence)
copy-structure f (structure)
copy-symbol f (symbol &optional (copy-props nil))
copy-tree f (object)
cos f (number)
cosh f (number)
count f (item sequence &rest args &key from-end (start 0) (end nil) (key nil) (test #'eql test-p) (test-not nil test-not-p))
count-if f (predicate sequence &rest args &key from-end (start 0) (end nil) (key nil))
count-if-not f (predicate sequence &rest args &key from-end (start 0) (end nil) (key nil))
ctypecase m (keyplace &rest clauses)
debug -
decf m (place &optional (delta 1))
declaim m (&rest declarations)
declaration -
declare m (&rest declarations)
decode-float f (f)
decode-universal-time f (universal-time &optional time-zone)
defclass m (name (&rest superclasses) (&rest slots) &rest options)
defconstant m (name value &optional documentation)
defgeneric m (name lambda-list &rest options)
define-compiler-macro m (name lambda-list &body body)
define-condition m (name (&rest parents) (&rest slots) &rest options)
define-method-combination m (name . args)
define-modify-macro m (name lambda-list function &optional doc-string)
define-setf-expander m (access-fn lambda-list &body body)
define-symbol-macro m (name expansion)
defmacro m (name lambda-list &body body)
defmethod m (name &rest qualifiers-lambda-list-and-body)
defpackage m (name &rest options)
defparameter m (name value &optional documentation)
defsetf m (access-function &rest rest)
defstruct m (name-and-options &rest slots)
deftype m (name lambda-list &body body)
defun m (name lambda-list &body body)
defvar m (name &optional value documentation)
delete f (item sequence &rest args &key from-end (test #'eql) (test-not nil) (start 0) (end nil) (count nil) (key nil))
delete-duplicates f (sequence &rest args &key (test #'eql) (test-not nil) (start 0) (end nil) from-end (key nil))
delete-file f (file)
delete-if f (predicate sequence &rest args &key from-end (start 0) (key nil) (end nil) (count nil))
delete-if-not f (predicate sequence &rest args &key from-end (start 0) (end nil) (key nil) (count nil))
delete-package f (package-designator)
denominator f (number)
deposit-field f (newbyte bytespec integer)
describe f (object &optional (stream-designator *standard-output*))
describe-object g (object stream)
destructuring-bind m (lambda-list expression &body body)
digit-char f (weight &optional (radix 10))
digit-char-p f (char &optional (radix 10))
directory f (pathspec &key (resolve-symlinks t))
directory-namestring f (pathname)
disassemble f (object &key (stream *standard-output*) (use-labels t))
division-by-zero r
do m ((&rest bindings) (end-test &rest result) &body body)
do* m ((&rest bindings) (end-test &rest result) &body body)
do-all-symbols m ((var &optional result-form) &body body-decls)
do-external-symbols m ((var &optional (package '*package*) result-form) &body body-decls)
do-symbols m ((var &optional (package '*package*) result-form) &body body-decls)
documentation g (object doc-type)
dolist m ((var list &optional result) &body body)
dotimes m ((var count &optional result) &body body)
double-float c
double-float-epsilon k
double-float-negative-epsilon k
dpb f (newbyte bytespec integer)
dribble f (&optional pathname &key (if-exists :append))
dynamic-extent -
ecase m (keyform &rest clauses)
echo-stream t
echo-stream-input-stream f (instance)
echo-stream-output-stream f (instance)
ed f (&optional x)
eighth f (list)
elt f (sequence index)
encode-universal-time f (second minute hour date month year &optional time-zone)
end-of-file r
endp f (object)
enough-namestring f (pathname &optional (defaults *default-pathname-defaults*))
ensure-directories-exist f (pathspec &key verbose (mode 511))
ensure-generic-function f (fun-name &rest all-keys)
eq f (obj1 obj2)
eql fd (x y)
equal f (x y)
equalp f (x y)
error fr (datum &rest arguments)
etypecase m (keyform &rest clauses)
eval f (original-exp)
eval-when s (situations &body body)
evenp f (number)
every f (pred first-seq &rest more-seqs)
exp f (number)
export f (symbols &optional (package *package*))
expt f (base power)
extended-char d
fboundp f (name)
fceiling f (number &optional (divisor 1))
fdefinition f (name)
ffloor f (number &optional (divisor 1))
fifth f (list)
file-author f (pathspec)
file-error r
file-error-pathname f (condition)
file-length f (stream)
file-namestring f (pathname)
file-position f (stream &optional (position 0 suppliedp))
file-stream c
file-string-length f (stream object)
file-write-date f (pathspec)
fill f (sequence item &key (start 0) end)
fill-pointer f (vector)
find f (item sequence &rest args &key from-end (start 0) end key test test-not)
find-all-symbols f (string-designator)
find-class f (symbol &optional (errorp t) environment)
find-if f (predicate sequence &rest args &key from-end (start 0) end key)
find-if-not f (predicate sequence &rest args &key from-end (start 0) end key)
find-method g (generic-function qualifiers specializers &optional errorp)
find-package f (package-designator)
find-restart f (identifier &optional condition)
find-symbol f (name &optional (package *package*))
finish-output f (&optional (stream *standard-output*))
first f (list)
fixnum c
flet s ((&rest functions) &body body)
float fc (number &optional (other nil otherp))
float-digits fd (f)
float-precision f (f)
float-radix fd (x)
float-sign f (float1 &optional (float2 (float 1 float1)))
floating-point-inexact r
floating-point-invalid-operation r
floating-point-overflow r
floating-point-underflow r
floatp f (object)
floor f (number &optional (divisor 1))
fmakunbound f (name)
force-output f (&optional (stream *standard-output*))
format f (destination control-string &rest format-arguments)
formatter m (control-string)
fourth f (list)
fresh-line f (&optional (stream *standard-output*))
fround f (number &optional (divisor 1))
ftruncate f (number &optional (divisor 1))
ftype -
funcall f (function &rest arguments)
function sc (name)
function-keywords g (method)
function-lambda-expression f (fun)
functionp f (object)
gcd f (&rest integers)
generic-function c
gensym f (&optional (thing "G"))
gentemp f (&optional (prefix "T") (package *package*))
get f (symbol indicator &optional (default nil))
get-decoded-time f ()
get-dispatch-macro-character f (disp-char sub-char &optional (rt-designator *readtable*))
get-internal-real-time f ()
get-internal-run-time f ()
get-macro-character f (char &optional (rt-designator *readtable*))
get-output-stream-string f (stream)
get-properties f (place indicator-list)
get-setf-expansion f (form &optional environment)
get-universal-time f ()
getf f (place indicator &optional (default nil))
gethash f (key hash-table &optional default)
go s (tag)
graphic-char-p f (char)
handler-bind m ((&rest bindings) &body body)
handler-case m (form &rest clauses)
hash-table t
hash-table-count f (hash-table)
hash-table-p f (object)
hash-table-rehash-size f (instance)
hash-table-rehash-threshold f (instance)
hash-table-size f (hash-table)
hash-table-test f (instance)
host-namestring f (pathname)
identity f (thing)
if s (test then &optional else)
ignorable -
ignore -
ignore-errors m (&rest forms)
imagpart f (number)
import f (symbols &optional (package *package*))
in-package m (name)
incf m (place &optional (delta 1))
initialize-instance g (instance &rest initargs &key &allow-other-keys)
inline -
input-stream-p g (stream)
inspect f (object)
integer c
integer-decode-float f (x)
integer-length f (integer)
integerp f (object)
interactive-stream-p g (stream)
intern f (name &optional (package *package*))
internal-time-units-per-second k
intersection f (list1 list2 &key key (test nil testp) (test-not nil notp))
invalid-method-error f (method format-control &rest format-arguments)
invoke-debugger f (condition)
invoke-restart f (restart &rest values)
invoke-restart-interactively f (restart)
isqrt f (n)
keyword d
keywordp f (object)
labels s ((&rest functions) &body body)
lambda m (lambda-list &body body)
lambda-list-keywords k
lambda-parameters-limit k
last f (list &optional (n 1))
lcm f (&rest integers)
ldb f (bytespec integer)
ldb-test f (bytespec integer)
ldiff f (list object)
least-negative-double-float k
least-negative-long-float k
least-negative-normalized-double-float k
least-negative-normalized-long-float k
least-negative-normalized-short-float k
least-negative-normalized-single-float k
least-negative-short-float k
least-negative-single-float k
least-positive-double-float k
least-positive-long-float k
least-positive-normalized-double-float k
least-positive-normalized-long-float k
least-positive-normalized-short-float k
least-positive-normalized-single-float k
least-positive-short-float k
least-positive-single-float k
length f (sequence)
let s ((&rest bindings) &body body)
let* s ((&rest bindings) &body body)
lisp-implementation-type f ()
lisp-implementation-version f ()
list fc (&rest args)
list* f (arg &rest others)
list-all-packages f ()
list-length f (list)
listen f (&optional (stream *standard-input*))
listp f (object)
load f (filespec &key (verbose *load-verbose*) (print *load-print*) (if-does-not-exist :error) (external-format :default))
load-logical-pathname-translations f (host)
load-time-value s (form &optional read-only-p)
locally s (&body body)
log f (number &optional (base nil base-p))
logand f (&rest integers)
logandc1 f (integer1 integer2)
logandc2 f (integer1 integer2)
logbitp f (index integer)
logcount f (integer)
logeqv f (&rest integers)
logical-pathname fc (pathspec)
logical-pathname-translations f (host)
logior f (&rest integers)
lognand f (integer1 integer2)
lognor f (integer1 integer2)
lognot f (number)
logorc1 f (integer1 integer2)
logorc2 f (integer1 integer2)
logtest f (integer1 integer2)
logxor f (&rest integers)
long-float d
long-float-epsilon k
long-float-negative-epsilon k
long-site-name f ()
loop m (&rest clauses)
loop-finish m ()
lower-case-p f (char)
machine-instance f ()
machine-type f ()
machine-version f ()
macro-function f (symbol &optional env)
macroexpand f (form &optional env)
macroexpand-1 f (form &optional env)
macrolet s ((&rest macros) &body body)
make-array f (dimensions &rest args &key (element-type t) initial-element initial-contents adjustable fill-pointer displaced-to displaced-index-offset)
make-broadcast-stream f (&rest streams)
make-concatenated-stream f (&rest streams)
make-condition f (type &rest initargs)
make-dispatch-macro-character f (char &optional (non-terminating-p nil) (rt *readtable*))
make-echo-stream f (input-stream output-stream)
make-hash-table f (&key (test 'eql) (size 7) (rehash-size 1.5) (rehash-threshold 1) (hash-function nil user-hashfun-p) (weakness nil) (synchronized))
make-instance g (class &rest initargs &key &allow-other-keys)
make-instances-obsolete g (class)
make-list f (size &key initial-element)
make-load-form g (object &optional environment)
make-load-form-saving-slots f (object &key (slot-names nil slot-names-p) environment)
make-method m (form)
make-package f (name &key (use 'nil) nicknames (internal-symbols 10) (external-symbols 10))
make-pathname f (&key host (device nil devp) (directory nil dirp) (name nil namep) (type nil typep) (version nil versionp) defaults (case :local))
make-random-state f (&optional state)
make-sequence f (result-type length &key (initial-element nil iep))
make-string f (count &key (element-type 'character) (initial-element nil iep))
make-string-input-stream f (string &optional (start 0) end)
make-string-output-stream f (&key (element-type 'character))
make-symbol f (string)
make-synonym-stream f (symbol)
make-two-way-stream f (input-stream output-stream)
makunbound f (symbol)
map f (result-type function first-sequence &rest more-sequences)
map-into f (result-sequence function &rest sequences)
mapc f (function list &rest more-lists)
mapcan f (function list &rest more-lists)
mapcar f (function list &rest more-lists)
mapcon f (function list &rest more-lists)
maphash f (function-designator hash-table)
mapl f (function list &rest more-lists)
maplist f (function list &rest more-lists)
mask-field f (bytespec integer)
max f (number &rest more-numbers)
member fd (item list &key key (test nil testp) (test-not nil notp))
member-if f (test list &key key)
member-if-not f (test list &key key)
merge f (result-type sequence1 sequence2 predicate &key key)
merge-pathnames f (pathname &optional (defaults *default-pathname-defaults*) (default-version :newest))
method c
method-combination c
method-combination-error f (format-control &rest format-arguments)
method-qualifiers g (m)
min f (number &rest more-numbers)
minusp f (number)
mismatch f (sequence1 sequence2 &rest args &key from-end (test #'eql) (test-not nil) (start1 0) (end1 nil) (start2 0) (end2 nil) (key nil))
mod fd (number divisor)
most-negative-double-float k
most-negative-fixnum k
most-negative-long-float k
most-negative-short-float k
most-negative-single-float k
most-positive-double-float k
most-positive-fixnum k
most-positive-long-float k
most-positive-short-float k
most-positive-single-float k
muffle-warning f (&optional condition)
multiple-value-bind m ((&rest variables) values-form &body body)
multiple-value-call s (function &rest forms)
multiple-value-list m (value-form)
multiple-value-prog1 s (values-form &rest forms)
multiple-value-setq m (vars value-form)
multiple-values-limit k
name-char f (name)
namestring f (pathname)
nbutlast f (list &optional (n 1))
nconc f (&rest lists)
next-method-p f ()
nil k
nintersection f (list1 list2 &key key (test nil testp) (test-not nil notp))
ninth f (list)
no-applicable-method g (generic-function &rest args)
no-next-method g (generic-function method &rest args)
not fd (object)
notany f (pred first-seq &rest more-seqs)
notevery f (pred first-seq &rest more-seqs)
notinline -
nreconc f (x y)
nreverse f (sequence)
nset-difference f (list1 list2 &key key (test nil testp) (test-not nil notp))
nset-exclusive-or f (list1 list2 &key key (test #'eql testp) (test-not #'eql notp))
nstring-capitalize f (string &key (start 0) end)
nstring-downcase f (string &key (start 0) end)
nstring-upcase f (string &key (start 0) end)
nsublis f (alist tree &key key (test #'eql testp) (test-not #'eql notp))
nsubst f (new old tree &key key (test #'eql testp) (test-not #'eql notp))
nsubst-if f (new test tree &key key)
nsubst-if-not f (new test tree &key key)
nsubstitute f (new old sequence &rest args &key from-end (test #'eql) (test-not nil) (end nil) (count nil) (key nil) (start 0))
nsubstitute-if f (new predicate sequence &rest args &key from-end (start 0) (end nil) (count nil) (key nil))
nsubstitute-if-not f (new predicate sequence &rest args &key from-end (start 0) (end nil) (count nil) (key nil))
nth f (n list)
nth-value m (n form)
nthcdr f (n list)
null fc (object)
number c
numberp f (object)
numerator f (number)
nunion f (list1 list2 &key key (test nil testp) (test-not nil notp))
oddp f (number)
open f (filename &key (direction :input) (element-type 'base-char) if-exists if-does-not-exist (external-format :default))
open-stream-p g (stream)
optimize -
or md (&rest forms)
otherwise -
output-stream-p g (stream)
package t
package-error r
package-error-package f (condition)
package-name f (package-designator)
package-nicknames f (package-designator)
package-shadowing-symbols f (package-designator)
package-use-list f (package-designator)
package-used-by-list f (package-designator)
packagep f (object)
pairlis f (keys data &optional (alist 'nil))
parse-error r
parse-integer f (string &key (start 0) end (radix 10) junk-allowed)
parse-namestring f (thing &optional host (defaults *default-pathname-defaults*) &key (start 0) end junk-allowed)
pathname fc (pathspec)
pathname-device fd (pathname &key (case :local))
pathname-directory fd (pathname &key (case :local))
pathname-host fd (pathname &key (case :local))
pathname-match-p f (in-pathname in-wildname)
pathname-name fd (pathname &key (case :local))
pathname-type fd (pathname &key (case :local))
pathname-version fd (pathname)
pathnamep f (object)
peek-char f (&optional (peek-type nil) (stream *standard-input*) (eof-error-p t) eof-value recursive-p)
phase f (number)
pi k
plusp f (number)
pop m (place)
position f (item sequence &rest args &key from-end (start 0) end key test test-not)
position-if f (predicate sequence &rest args &key from-end (start 0) end key)
position-if-not f (predicate sequence &rest args &key from-end (start 0) end key)
pprint f (object &optional stream)
pprint-dispatch f (object &optional (table *print-pprint-dispatch*))
pprint-exit-if-list-exhausted m ()
pprint-fill f (stream list &optional (colon? t) atsign?)
pprint-indent f (relative-to n &optional stream)
pprint-linear f (stream list &optional (colon? t) atsign?)
pprint-logical-block m ((stream-symbol object &rest keys &key (prefix nil) (per-line-prefix nil) (suffix "")) &body body)
pprint-newline f (kind &optional stream)
pprint-pop m ()
pprint-tab f (kind colnum colinc &optional stream)
pprint-tabular f (stream list &optional (colon? t) atsign? tabsize)
prin1 f (object &optional stream)
prin1-to-string f (object)
princ f (object &optional stream)
princ-to-string f (object)
print f (object &optional stream)
print-not-readable r
print-not-readable-object f (condition)
print-object g (object stream)
print-unreadable-object m ((object stream &key type identity) &body body)
probe-file f (pathspec)
proclaim f (raw-form)
prog m ((&rest bindings) &body body)
prog* m ((&rest bindings) &body body)
prog1 m (result &body body)
prog2 m (first result &body body)
progn s (&body forms)
program-error r
progv s (symbols values &body body)
provide f (module-name)
psetf m (&rest places-and-values)
psetq m (&rest pairs)
push m (object place)
pushnew m (object place &key key test test-not)
quote s (object)
random f (arg &optional (state *random-state*))
random-state t
random-state-p f (object)
rassoc f (item alist &key key (test nil testp) (test-not nil notp))
rassoc-if f (predicate alist &key key)
rassoc-if-not f (predicate alist &key key)
ratio c
rational fc (x)
rationalize f (x)
rationalp f (object)
read f (&optional (stream *standard-input*) (eof-error-p t) (eof-value nil) (recursive-p nil))
read-byte f (stream &optional (eof-error-p t) eof-value)
read-char f (&optional (stream *standard-input*) (eof-error-p t) eof-value recursive-p)
read-char-no-hang f (&optional (stream *standard-input*) (eof-error-p t) eof-value recursive-p)
read-delimited-list f (endchar &optional (input-stream *standard-input*) recursive-p)
read-from-string f (string &optional (eof-error-p t) eof-value &key (start 0) end preserve-whitespace)
read-line f (&optional (stream *standard-input*) (eof-error-p t) eof-value recursive-p)
read-preserving-whitespace f (&optional (stream *standard-input*) (eof-error-p t) (eof-value nil) (recursive-p nil))
read-sequence f (seq stream &key (start 0) end)
reader-error r
readtable t
readtable-case f (readtable)
readtablep f (object)
real c
realp f (object)
realpart f (number)
reduce f (function sequence &rest args &key (key nil) from-end (start 0) (end nil) (initial-value nil ivp))
reinitialize-instance g (instance &rest initargs &key &allow-other-keys)
rem f (number divisor)
remf m (place indicator)
remhash f (key hash-table)
remove f (item sequence &rest args &key from-end (test #'eql) (test-not nil) (start 0) (end nil) (count nil) (key nil))
remove-duplicates f (sequence &rest args &key (test #'eql) (test-not nil) (start 0) (end nil) from-end (key nil))
remove-if f (predicate sequence &rest args &key from-end (start 0) (end nil) (count nil) (key nil))
remove-if-not f (predicate sequence &rest args &key from-end (start 0) (end nil) (count nil) (key nil))
remove-method g (generic-function method)
remprop f (symbol indicator)
rename-file f (file new-name)
rename-package f (package-designator name &optional (nicknames nil))
replace f (target-sequence1 source-sequence2 &rest args &key (start1 0) (end1 nil) (start2 0) (end2 nil))
require f (module-name &optional pathnames)
rest f (list)
restart t
restart-bind m ((&rest bindings) &body body)
restart-case m (form &rest clauses)
restart-name f (instance)
return m (&optional value)
return-from s (name &optional value)
revappend f (x y)
reverse f (sequence)
room f (&optional (verbosity :default))
rotatef m (&rest args)
round f (number &optional (divisor 1))
row-major-aref f (array index)
rplaca f (cons x)
rplacd f (cons x)
safety -
satisfies d
sbit f (simple-bit-array &rest subscripts)
scale-float f (f ex)
schar f (string index)
search f (sub-sequence1 main-sequence2 &rest args &key from-end (test #'eql) (test-not nil) (start1 0) (end1 nil) (start2 0) (end2 nil) (key nil))
second f (list)
sequence c
serious-condition r
set f (symbol new-value)
set-difference f (list1 list2 &key key (test nil testp) (test-not nil notp))
set-dispatch-macro-character f (disp-char sub-char function &optional (rt-designator *readtable*))
set-exclusive-or f (list1 list2 &key key (test nil testp) (test-not nil notp))
set-macro-character f (char function &optional (non-terminatingp nil) (rt-designator *readtable*))
set-pprint-dispatch f (type function &optional (priority 0) (table *print-pprint-dispatch*))
set-syntax-from-char f (to-char from-char &optional (to-readtable *readtable*) (from-readtable nil))
setf m (&rest places-and-values)
setq s (&rest pairs)
seventh f (list)
shadow f (symbols &optional (package *package*))
shadowing-import f (symbols &optional (package *package*))
shared-initialize g (instance slot-names &rest initargs &key &allow-other-keys)
shiftf m (&rest args)
short-float d
short-float-epsilon k
short-float-negative-epsilon k
short-site-name f ()
signal f (datum &rest arguments)
signed-byte d
signum f (number)
simple-array c
simple-base-string c
simple-bit-vector c
simple-bit-vector-p f (object)
simple-condition r
simple-condition-format-arguments f (condition)
simple-condition-format-control f (condition)
simple-error r
simple-string c
simple-string-p f (object)
simple-type-error r
simple-vector c
simple-vector-p f (object)
simple-warning r
sin f (number)
single-float c
single-float-epsilon k
single-float-negative-epsilon k
sinh f (number)
sixth f (list)
sleep f (seconds)
slot-boundp f (object slot-name)
slot-exists-p f (object slot-name)
slot-makunbound f (object slot-name)
slot-missing g (class instance slot-name operation &optional new-value)
slot-unbound g (class instance slot-name)
slot-value f (object slot-name)
software-type f ()
software-version f ()
some f (pred first-seq &rest more-seqs)
sort f (sequence predicate &rest args &key key)
space -
special -
special-operator-p f (symbol)
speed -
sqrt f (number)
stable-sort f (sequence predicate &rest args &key key)
standard -
standard-char d
standard-char-p f (char)
standard-class c
standard-generic-function c
standard-method c
standard-object c
step m (form)
storage-condition r
store-value f (value &optional condition)
stream c
stream-element-type g (stream)
stream-error r
stream-error-stream f (condition)
stream-external-format f (stream)
streamp f (stream)
string fc (x)
string-capitalize f (string &key (start 0) end)
string-downcase f (string &key (start 0) end)
string-equal f (string1 string2 &key (start1 0) end1 (start2 0) end2)
string-greaterp f (string1 string2 &key (start1 0) end1 (start2 0) end2)
string-left-trim f (char-bag string)
string-lessp f (string1 string2 &key (start1 0) end1 (start2 0) end2)
string-not-equal f (string1 string2 &key (start1 0) end1 (start2 0) end2)
string-not-greaterp f (string1 string2 &key (start1 0) end1 (start2 0) end2)
string-not-lessp f (string1 string2 &key (start1 0) end1 (start2 0) end2)
string-right-trim f (char-bag string)
string-stream c
string-trim f (char-bag string)
string-upcase f (string &key (start 0) end)
string/= f (string1 string2 &key (start1 0) end1 (start2 0) end2)
string< f (string1 string2 &key (start1 0) end1 (start2 0) end2)
string<= f (string1 string2 &key (start1 0) end1 (start2 0) end2)
string= f (string1 string2 &key (start1 0) end1 (start2 0) end2)
string> f (string1 string2 &key (start1 0) end1 (start2 0) end2)
string>= f (string1 string2 &key (start1 0) end1 (start2 0) end2)
stringp f (object)
structure -
structure-class c
structure-object t
style-warning r
sublis f (alist tree &key key (test #'eql testp) (test-not #'eql notp))
subseq f (sequence start &optional end)
subsetp f (list1 list2 &key key (test #'eql testp) (test-not nil notp))
subst f (new old tree &key key (test #'eql testp) (test-not #'eql notp))
subst-if f (new test tree &key key)
subst-if-not f (new test tree &key key)
substitute f (new old sequence &rest args &key from-end (test #'eql) (test-not nil) (start 0) (count nil) (end nil) (key nil))
substitute-if f (new predicate sequence &rest args &key from-end (start 0) (end nil) (count nil) (key nil))
substitute-if-not f (new predicate sequence &rest args &key from-end (start 0) (end nil) (count nil) (key nil))
subtypep f (type1 type2 &optional environment)
svref f (simple-vector index)
sxhash f (x)
symbol c
symbol-function f (symbol)
symbol-macrolet s ((&rest bindings) &body body)
symbol-name f (symbol)
symbol-package f (symbol)
symbol-plist f (symbol)
symbol-value f (symbol)
symbolp f (object)
synonym-stream t
synonym-stream-symbol f (instance)
t kc
tagbody s (&rest tags-and-statements)
tailp f (object list)
tan f (number)
tanh f (number)
tenth f (list)
terpri f (&optional (stream *standard-output*))
the s (value-type form)
third f (list)
throw s (tag result)
time m (form)
trace m (&rest names)
translate-logical-pathname f (pathname &key)
translate-pathname f (source from-wildname to-wildname &key)
tree-equal f (x y &key (test nil testp) (test-not nil notp))
truename f (pathspec)
truncate f (number &optional (divisor 1))
two-way-stream t
two-way-stream-input-stream f (instance)
two-way-stream-output-stream f (instance)
type -
type-error r
type-error-datum f (condition)
type-error-expected-type f (condition)
type-of f (object)
typecase m (keyform &rest clauses)
typep f (object type &optional environment)
unbound-slot r
unbound-slot-instance f (condition)
unbound-variable r
undefined-function r
unexport f (symbols &optional (package *package*))
unintern f (symbol &optional (package *package*))
union f (list1 list2 &key key (test nil testp) (test-not nil notp))
unless m (test &body body)
unread-char f (character &optional (stream *standard-input*))
unsigned-byte d
untrace m (&rest names)
unuse-package f (packages-to-unuse &optional (package *package*))
unwind-protect s (protected &rest cleanup)
update-instance-for-different-class g (previous current &rest initargs)
update-instance-for-redefined-class g (instance added-slots discarded-slots property-list &rest initargs)
upgraded-array-element-type f (spec &optional environment)
upgraded-complex-part-type f (spec &optional environment)
upper-case-p f (char)
use-package f (packages-to-use &optional (package *package*))
use-value f (value &optional condition)
user-homedir-pathname f (&optional host)
values fd (&rest values)
values-list f (list)
variable -
vector fc (&rest objects)
vector-pop f (array)
vector-push f (new-element array)
vector-push-extend f (new-element vector &optional min-extension)
vectorp f (object)
warn f (datum &rest arguments)
warning r
when m (test &body body)
wild-pathname-p f (pathname &optional field-key)
with-accessors m ((&rest slot-entries) instance &body body)
with-compilation-unit m (options &body body)
with-condition-restarts m (condition-form restarts-form &body body)
with-hash-table-iterator m ((name hash-table) &body body)
with-input-from-string m ((var string &key index start end) &body body)
with-open-file m ((stream filespec &key (direction :input) (element-type 'character) if-exists if-does-not-exist (external-format :default)) &body body)
with-open-stream m ((var stream) &body body)
with-output-to-string m ((stream &optional string-form &key (element-type 'character)) &body body)
with-package-iterator m ((mname package-list &rest symbol-types) &body body)
with-simple-restart m ((restart-name format-control &rest format-arguments) &body body)
with-slots m ((&rest slots) instance &body body)
with-standard-io-syntax m (&body body)
write f (object &key stream ((:escape *print-escape*) *print-escape*) ((:radix *print-radix*) *print-radix*) ((:base *print-base*) *print-base*) ((:circle *print-circle*) *print-circle*) ((:pretty *print-pretty*) *print-pretty*) ((:level *print-level*) *print-level*) ((:length *print-length*) *print-length*) ((:case *print-case*) *print-case*) ((:array *print-array*) *print-array*) ((:gensym *print-gensym*) *print-gensym*) ((:readably *print-readably*) *print-readably*) ((:right-margin *print-right-margin*) *print-right-margin*) ((:miser-width *print-miser-width*) *print-miser-width*) ((:lines *print-lines*) *print-lines*) ((:pprint-dispatch *print-pprint-dispatch*) *print-pprint-dispatch*) ((:suppress-errors *suppress-print-errors*) *suppress-print-errors*))
write-byte f (integer stream)
write-char f (character &optional (stream *standard-output*))
write-line f (string &optional (stream *standard-output*) &key (start 0) end)
write-sequence f (seq stream &key (start 0) (end nil))
write-string f (string &optional (stream *standard-output*) &key (start 0) end)
write-to-string f (object &key ((:escape *print-escape*) *print-escape*) ((:radix *print-radix*) *print-radix*) ((:base *print-base*) *print-base*) ((:circle *print-circle*) *print-circle*) ((:pretty *print-pretty*) *print-pretty*) ((:level *print-level*) *print-level*) ((:length *print-length*) *print-length*) ((:case *print-case*) *print-case*) ((:array *print-array*) *print-array*) ((:gensym *print-gensym*) *print-gensym*) ((:readably *print-readably*) *print-readably*) ((:right-margin *print-right-margin*) *print-right-margin*) ((:miser-width *print-miser-width*) *print-miser-width*) ((:lines *print-lines*) *print-lines*) ((:pprint-dispatch *print-pprint-dispatch*) *print-pprint-dispatch*) ((:suppress-errors *suppress-print-errors*) *suppress-print-errors*))
y-or-n-p f (&optional format-string &rest arguments)
yes-or-no-p f (&optional format-string &rest arguments)
zerop f (number)
`;

export interface StandardName {
  /** In lower case. */
  readonly name: string;
  /** See KnownName.is of the wire contract. */
  readonly is: string;
  readonly lambdaList?: string;
}

/** By name in lower case. */
export const standardNames: ReadonlyMap<string, StandardName> = new Map(
  table
    .trim()
    .split('\n')
    .map(line => {
      const [, name, is, lambdaList] = /^(\S+) (\S+)(?: (.*))?$/.exec(line)!;
      return [
        name!,
        { name: name!, is: is === '-' ? '' : is!, ...(lambdaList !== undefined && { lambdaList }) },
      ];
    }),
);

const HOMES: ReadonlySet<string> = new Set(['CL', 'COMMON-LISP']);

/** What a token without prefix, or with COMMON-LISP's, names of the standard; what shadows it is not known here. */
export function standardName(token: string): StandardName | undefined {
  const { package: prefix, name } = readSymbol(token);
  return prefix === undefined || HOMES.has(prefix) ? standardNames.get(name.toLowerCase()) : undefined;
}
