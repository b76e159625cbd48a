# Ends the servers whose files are in a private folder, then removes the folder.
# Usage: sh -c "$(cat reap.sh)" sh FOLDER when-closed | while-process PID | now
# when-closed waits for the end of standard input, which comes with the end of the parent, however
# it ends; the word "detach" before that lets everything live on.
folder=$1

runs() { # a process of this folder, not another one that got the same id later
    tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | grep -qF -- "$folder/"
}

case $2 in
when-closed)
    read -r word && [ "$word" = detach ] && exit 0
    ;;
while-process)
    while [ -d "/proc/$3" ]; do sleep 0.5; done
    ;;
esac

end() { # SIGNAL FILE: ends the process whose id the file begins with, and waits for it
    [ -r "$2" ] || return 0
    pid=
    read -r pid <"$2" # fails where the line has no end, and has read it all the same
    [ -n "$pid" ] || return 0
    runs "$pid" || return 0
    kill -s "$1" "$pid" 2>/dev/null
    kill -s CONT "$pid" 2>/dev/null
    while runs "$pid"; do sleep 0.05; done
}

# Services keep no state, and a shutdown of theirs would wait for servers that end next.
for file in "$folder"/services/*.pid "$folder"/services/*/*.pid; do
    end KILL "$file"
done
end QUIT "$folder/postgres/data/postmaster.pid"
end QUIT "$folder/nats/nats.pid"
rm -rf -- "$folder"
