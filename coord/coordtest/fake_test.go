package coordtest_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/coordtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake makes the fake a backend like the real ones.
type fake struct{ *coordtest.Fake }

func (f fake) Open(testing.TB) coord.Coordinator      { return f.Fake.Open() }
func (f fake) Interrupt(testing.TB)                   { f.Stop() }
func (f fake) Resume(testing.TB)                      { f.Start() }
func (fake) Expire(_ testing.TB, c coord.Coordinator) { c.(*coordtest.FakeClient).Expire() }

func TestConformance(t *testing.T) {
	coordtest.Run(t, func(*testing.T) coordtest.Backend { return fake{coordtest.NewFake()} })
}
