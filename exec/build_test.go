package exec

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryPlanNodeHasACase finds every type of planner/plan that is a Node, and
// its case in build.go.
func TestEveryPlanNodeHasACase(t *testing.T) {
	files, err := filepath.Glob("../planner/plan/*.go")
	if err != nil {
		t.Fatal(err)
	}
	build, err := os.ReadFile("build.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, path := range files {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv == nil || fn.Name.Name != "node" || len(fn.Type.Params.List) > 0 {
				continue
			}
			star, ok := fn.Recv.List[0].Type.(*ast.StarExpr)
			if !ok {
				continue
			}
			name := star.X.(*ast.Ident).Name
			found++
			if !strings.Contains(string(build), "case *plan."+name+":") {
				t.Errorf("plan.%s has no case in build.go", name)
			}
		}
	}
	if found < 15 {
		t.Errorf("%d plan nodes were found: the search is broken", found)
	}
}
