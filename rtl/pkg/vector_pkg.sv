// The vector unit: what says what its lanes do, and when. See docs/reference/rtl-vector.md.
package vector_pkg;
  localparam int unsigned TokenW = 4;  // of accllm_pkg::MaxSlots
  localparam int unsigned RowW = 3;
  localparam int unsigned EpilogueW = 2;
  localparam int unsigned OpW = 20;  // of op_t
  localparam int unsigned BeatTiles = 2;  // of floats

  typedef enum logic [1:0] {
    KindLoad = 2'd0,      // bank[waddr] = float
    KindResult = 2'd1,    // of sum_i: y, then the epilogue
    KindNorm = 2'd2,      // bank[waddr] = (bank[raddr] * inv) * weight
    KindQuantize = 2'd3   // code of bank[raddr], to round waddr of an activation buffer
  } kind_e;

  // A row of a tile in each lane, of one token. Scales and floats are those of the oldest tile that
  // is not used up.
  typedef struct packed {
    logic                 valid;       // else it only uses tiles up
    kind_e                kind;
    logic [EpilogueW-1:0] epilogue;    // of a result, an accllm_pkg::epilogue_e
    logic                 has_bias;
    logic [RowW-1:0]      row;
    logic [TokenW-1:0]    token;
    logic                 buffer;      // of activations: whose scale, or where to
    logic                 pop_scales;  // the tile is used up with this
    logic                 pop_floats;
    logic                 squares;     // what is written counts in the token's sum of squares
    logic                 last;        // of them
    logic                 largest;     // what is written counts in the token's largest magnitude
    logic                 zero;        // the code is 0
  } op_t;

  // What the lanes do in a cycle, with operations of many cycles: each field belongs to a stage.
  localparam int unsigned LaneW = 22;
  typedef struct packed {
    logic       read;           // the bank
    logic [6:0] scale_addr;     // tile, row
    logic       from_bank;      // ScaleStage - 1: not from a scale
    logic       is_norm;        // ProductStage - 1: the weight, not the sum
    logic [5:0] float_addr;     // ProductStage - 2 and BiasStage - 2
    logic       adds_float;     // BiasStage - 1
    logic       is_load;        // BiasStage: nothing but the float
    logic       adds_bank;      // AddStage - 1
    logic       starts_silu;    // AddStage
    logic       zero;           // CodeStage
    logic       write;
    logic       from_silu;      // what is written
  } lane_t;

  // What is written, or put out.
  localparam int unsigned ValueW = 11;
  typedef struct packed {
    logic              is_output;
    logic              squares;
    logic              last;
    logic              largest;
    logic [RowW-1:0]   row;
    logic [TokenW-1:0] token;
  } value_t;

  // A row of codes.
  localparam int unsigned CodeW = 8;
  typedef struct packed {
    logic              buffer;
    logic [RowW-1:0]   row;
    logic [TokenW-1:0] token;
  } code_t;

  // Scalars of a token, which a scalar unit keeps.
  localparam int unsigned ScalarW = 2;
  typedef enum logic [1:0] {
    ScalarInverseRms = 2'd0,
    ScalarInverse = 2'd1,  // 127 / largest magnitude
    ScalarScale0 = 2'd2,   // of activation buffer 0
    ScalarScale1 = 2'd3
  } scalar_e;

  // Cycles after an operation came; vector_lane checks them against the latencies of its units.
  localparam int unsigned ReadStage = 1;      // of bank, scales and scalars
  localparam int unsigned ScaleStage = 3;     // x * inv, x * inverse, or row scale * scale
  localparam int unsigned ProductStage = 9;   // times the weight or the sum
  localparam int unsigned CodeStage = 12;     // the code is there
  localparam int unsigned BiasStage = 15;     // plus bias or 0
  localparam int unsigned AddStage = 19;      // plus what the bank holds or 0; SiLU begins
  localparam int unsigned WriteStage = 23;
endpackage
