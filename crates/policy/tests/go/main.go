// Says what Go makes of patterns. Reads lines of JSON, {"pattern": "…", "values": ["…"]}, and answers each with a
// line: the error ("" if there is none) of the pattern alone, with the anchors of a current server and with those of
// an older one, and for each value whether it matches under them. Its first line is the version of Go.
package main

import (
	"bufio"
	"encoding/json"
	"log"
	"os"
	"regexp"
	"runtime"
)

type question struct {
	Pattern string   `json:"pattern"`
	Values  []string `json:"values"`
}

type answer struct {
	Alone     string `json:"alone"`
	Current   string `json:"current"`
	Older     string `json:"older"`
	Matches   []bool `json:"matches"`
	OlderDoes []bool `json:"older_matches"`
}

func judge(text string, values []string) (string, []bool) {
	pattern, err := regexp.Compile(text)
	if err != nil {
		return err.Error(), nil
	}
	matches := make([]bool, len(values))
	for i, value := range values {
		matches[i] = pattern.MatchString(value)
	}
	return "", matches
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)
	buffered := bufio.NewWriter(os.Stdout)
	defer buffered.Flush()
	out := json.NewEncoder(buffered)
	out.SetEscapeHTML(false)
	if err := out.Encode(runtime.Version()); err != nil {
		log.Fatal(err)
	}
	for in.Scan() {
		var q question
		if err := json.Unmarshal(in.Bytes(), &q); err != nil {
			log.Fatal(err)
		}
		var a answer
		a.Alone, _ = judge(q.Pattern, nil)
		a.Current, a.Matches = judge("^(?:"+q.Pattern+")$", q.Values)
		a.Older, a.OlderDoes = judge("^"+q.Pattern+"$", q.Values)
		if err := out.Encode(a); err != nil {
			log.Fatal(err)
		}
	}
	if err := in.Err(); err != nil {
		log.Fatal(err)
	}
}
