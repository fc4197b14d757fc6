#!/bin/sh
# Stands in for a daemon under `waypost run`: writes down what it is told. Its folder holds
# NAME.mode: "stubborn" (ignores SIGTERM), "exit N" (ends at once), otherwise it serves.
folder=$(dirname "$0")
name=$(basename "$0")
mode=$(cat "$folder/$name.mode" 2>/dev/null)
echo "start $$ $*" >>"$folder/log"
case $mode in
exit*) exit "${mode#exit }" ;;
stubborn) trap 'echo "ignores TERM" >>"$folder/log"' TERM ;;
*) trap 'echo "$name stops" >>"$folder/log"; exit 0' TERM ;;
esac
trap 'echo "$name reloads" >>"$folder/log"' HUP
[ -z "$WAYPOST_READY_FD" ] || echo "ready server=HQ-HUB1 snapshot=$(grep -c "^start" "$folder/log")" >&3
echo $$ >"$folder/$name.pid"
while :; do
	sleep 0.05
done
