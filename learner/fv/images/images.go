// Package images serves the plugin libimage_feature.so: it makes features of
// the pixels of pictures (JPEG, PNG, GIF, BMP, TIFF and WebP).
//
// Lossless pictures give the features that OpenCV gives; decoders of JPEG may
// differ by one level of 255. The algorithm ORB is not available.
package images

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif" // decoders
	_ "image/jpeg"
	_ "image/png"
	"math"
	"strconv"

	_ "golang.org/x/image/bmp"
	_ "golang.org/x/image/tiff"
	_ "golang.org/x/image/webp"

	"github.com/jubatus/jubatus-go/learner/fv/plugin"
)

// Library returns the functions of libimage_feature.so.
func Library() plugin.Library {
	return plugin.Library{BinaryFeatures: map[string]func(plugin.Params) (plugin.BinaryFeature, error){
		"create": New,
	}}
}

// maxPixels bounds the pictures that are decoded: they can be tiny in bytes
// and huge in pixels.
const maxPixels = 1 << 25

// RGB makes a feature of every colour of every pixel,
// "<key>#RGB/<x>-<y>-<c>", where c is 0 for blue, 1 for green, 2 for red and
// the value lies between 0 and 1.
type RGB struct {
	resize        bool
	width, height float64
	unknown       bool // the algorithm
}

// New makes an extractor. The parameters, all optional, are
//
//	algorithm       "RGB"
//	resize          "true": pictures are scaled to x_size by y_size ("false")
//	x_size, y_size  pixels ("64.0")
func New(p plugin.Params) (plugin.BinaryFeature, error) {
	var f RGB
	var err error
	if f.width, err = p.DefaultFloat("x_size", "64.0"); err != nil {
		return nil, err
	}
	if f.height, err = p.DefaultFloat("y_size", "64.0"); err != nil {
		return nil, err
	}
	if f.resize, err = p.Bool("resize"); err != nil {
		return nil, err
	}
	if f.width <= 0 || f.height <= 0 {
		return nil, errors.New("image size must be a positive number")
	}
	if f.resize && (math.RoundToEven(f.width) < 1 || math.RoundToEven(f.height) < 1 || f.width*f.height > maxPixels) {
		return nil, fmt.Errorf("image size must be between 1 and %d pixels", maxPixels)
	}
	switch p.Default("algorithm", "RGB") {
	case "RGB":
	case "ORB":
		return nil, errors.New("the image algorithm ORB is not supported: use RGB")
	default:
		// Always an error of the request, so that a type that no rule uses
		// does not matter.
		f.unknown = true
	}
	return &f, nil
}

// Extract adds the features of a picture.
func (f *RGB) Extract(key, value []byte, out plugin.FeatureSink) error {
	if f.unknown {
		return errors.New("input algorithm among these : RGB, ORB(opencv2.3 or later)")
	}
	p, err := decode(value)
	if err != nil {
		return err
	}
	if f.resize {
		p = p.scaled(f.width, f.height)
	}
	b := append([]byte(nil), key...)
	b = append(b, "#RGB/"...)
	prefix := len(b)
	for i, level := range p.levels {
		if level == 0 {
			continue
		}
		pixel := i / 3
		b = strconv.AppendInt(b[:prefix], int64(pixel%p.width), 10)
		b = append(b, '-')
		b = strconv.AppendInt(b, int64(pixel/p.width), 10)
		b = append(b, '-', byte('0'+i%3))
		out.Append(b, float64(level)/255)
	}
	return nil
}

// picture is rows of pixels of three levels: blue, green, red.
type picture struct {
	width, height int
	levels        []uint8
}

func decode(b []byte) (picture, error) {
	c, _, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return picture{}, fmt.Errorf("cannot decode image: %w", err)
	}
	if c.Width <= 0 || c.Height <= 0 || c.Width > maxPixels/c.Height {
		return picture{}, fmt.Errorf("cannot decode image: %d x %d pixels, at most %d are allowed", c.Width, c.Height, maxPixels)
	}
	m, _, err := image.Decode(bytes.NewReader(b))
	if err != nil {
		return picture{}, fmt.Errorf("cannot decode image: %w", err)
	}
	bounds := m.Bounds()
	p := picture{bounds.Dx(), bounds.Dy(), make([]uint8, 0, 3*bounds.Dx()*bounds.Dy())}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			// Transparency is dropped and not blended.
			var n color.NRGBA
			switch m := m.(type) {
			case *image.NRGBA:
				n = m.NRGBAAt(x, y)
			case *image.YCbCr:
				yy := m.YCbCrAt(x, y)
				n.R, n.G, n.B = color.YCbCrToRGB(yy.Y, yy.Cb, yy.Cr)
			default:
				n = color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)
			}
			p.levels = append(p.levels, n.B, n.G, n.R)
		}
	}
	return p, nil
}

// scaled returns the picture in another size, by bilinear interpolation
// between the centres of pixels, in the fixed-point arithmetic of OpenCV.
func (p picture) scaled(width, height float64) picture {
	columns := taps(p.width, width, 3)
	rows := taps(p.height, height, 3*p.width)
	q := picture{len(columns), len(rows), make([]uint8, 0, 3*len(columns)*len(rows))}
	for _, r := range rows {
		for _, c := range columns {
			for i := range 3 {
				top := int(p.levels[r.a+c.a+i])*c.wa + int(p.levels[r.a+c.b+i])*c.wb
				bottom := int(p.levels[r.b+c.a+i])*c.wa + int(p.levels[r.b+c.b+i])*c.wb
				level := (r.wa*(top>>4)>>16 + r.wb*(bottom>>4)>>16 + 2) >> 2
				q.levels = append(q.levels, uint8(min(max(level, 0), 255)))
			}
		}
	}
	return q
}

// tap is where one pixel of a scaled row or column comes from: two offsets and
// their weights, which sum to 2048.
type tap struct{ a, b, wa, wb int }

func taps(from int, to float64, stride int) []tap {
	list := make([]tap, int(math.RoundToEven(to)))
	scale := float64(from) / to
	for i := range list {
		at := (float64(i)+0.5)*scale - 0.5
		first := int(math.Floor(at))
		rest := at - float64(first)
		if first < 0 {
			first, rest = 0, 0
		}
		if first >= from-1 {
			first, rest = from-1, 0
		}
		wb := int(math.RoundToEven(rest * 2048))
		list[i] = tap{first * stride, min(first+1, from-1) * stride, 2048 - wb, wb}
	}
	return list
}
