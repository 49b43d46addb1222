# For tests/mutants/run.sh and tests/fuzz/run.sh, which break the sources on purpose: a copy of the checkout, and patches
# with lines "Key: value" above their diff.

# Makes folder $2 equal to the checkout in folder $1. Only what differs is written: the rest keeps its time, and its
# objects. What is in $2/build is left alone.
copy_tree() {
  local from=$1 to=$2 path
  mkdir -p "$to"
  (cd "$from" && git ls-files -z --cached --others --exclude-standard) | while IFS= read -r -d '' path; do
    if [[ ! -e $from/$path ]] || cmp -s "$from/$path" "$to/$path"; then continue; fi
    mkdir -p "$(dirname "$to/$path")"
    cp "$from/$path" "$to/$path"
    chmod --reference="$from/$path" "$to/$path"
  done
  (cd "$to" && find . -path ./build -prune -o -type f -print0) | while IFS= read -r -d '' path; do
    [[ -e $from/${path#./} ]] || rm "$to/$path"
  done
}

# The value of header line $2 in the patch file $1.
patch_header() { sed -n "/^\(diff\|---\)/q; s/^$2: *//p" "$1"; }

# Applies the patch file $2 to the tree $1; fails, and changes nothing, if it does not fit. What is wrong goes to the output.
apply_patch() {
  patch -d "$1" -p1 -s -f --dry-run <"$2" && patch -d "$1" -p1 -s -f --no-backup-if-mismatch <"$2"
}
