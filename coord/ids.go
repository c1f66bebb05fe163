package coord

import (
	"context"
	"errors"
	"fmt"
)

// idData is what the id generator's node holds. Only its version counts.
var idData = []byte("dummy\x00")

// CreateIDGenerator makes the node that NextID counts with. It stays, and
// counts on, when the cluster is gone.
func CreateIDGenerator(ctx context.Context, c Coordinator, typ, name string) error {
	if err := CreateDirs(ctx, c, IDGeneratorPath(typ, name)); err != nil {
		return fmt.Errorf("Failed to create global id generator: %w", err)
	}
	return nil
}

// NextID draws an id that no other server of the cluster ever gets. The first
// is 1.
func NextID(ctx context.Context, c Coordinator, typ, name string) (uint64, error) {
	version, err := c.Set(ctx, IDGeneratorPath(typ, name), idData)
	if errors.Is(err, ErrNoNode) {
		// Somebody cleared the tree. Ids begin anew, as they would after a
		// restart of the servers.
		if err = CreateIDGenerator(ctx, c, typ, name); err == nil {
			version, err = c.Set(ctx, IDGeneratorPath(typ, name), idData)
		}
	}
	if err != nil {
		return 0, fmt.Errorf("Failed to create id: %w", err)
	}
	return uint64(version), nil
}
