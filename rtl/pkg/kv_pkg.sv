// Attention beside the engine: what a step of scores is, and when it is where. See
// docs/reference/rtl-kv.md.
package kv_pkg;
  localparam int unsigned QueryW = 4;  // of a head: tokens of a pass, of all heads that share it
  localparam int unsigned SlotW = 22;  // of the cache
  localparam int unsigned AddressW = 12;
  localparam int unsigned ScoreW = 33;
  localparam int unsigned DotW = 24;   // of int8 times 15 times int4, 128 of them
  localparam int unsigned HeadsAhead = 2;  // whose keys are read before a head's values
  localparam logic [31:0] Lowest = 32'hFF80_0000;  // minus infinity

  // Queries of so many heads are in the engine: of up to two folds those of four, else of two.
  localparam int unsigned BankW = 2;
  function automatic logic [4:0] query_entry(logic four_banks, logic [BankW-1:0] bank,
                                             logic [1:0] fold, logic is_far);
    query_entry = four_banks ? {1'b0, bank, fold[0], is_far} : {1'b0, bank[0], fold, is_far};
  endfunction

  // A beat of keys, for the engine's queries first_query to last_query.
  localparam int unsigned KeyBeatW = 50;
  typedef struct packed {
    logic                valid;
    logic [1:0]          index;        // which of those that share a beat of records
    logic                start;        // the first of these queries
    logic                last;         // the head's last
    logic                split;        // two tokens
    logic [BankW-1:0]    bank;         // of what is known of queries
    logic [QueryW-1:0]   first_query;
    logic [QueryW-1:0]   last_query;
    logic [AddressW-1:0] row;          // place of what lies beside it
    logic [SlotW-1:0]    slot;         // of the first token of the first lane's beat
  } key_beat_t;

  // A score on its way: one query times one token of each lane's beat.
  localparam int unsigned StepW = 29;
  typedef struct packed {
    logic              valid;
    logic              first;  // of its beat
    logic              half;   // which token of two
    logic [QueryW-1:0] query;
    logic [SlotW-1:0]  slot;   // of the first token of the first lane's beat
  } step_t;

  // What a query sees: sinks in front, and of the ring behind them an interval that may go around
  // its end.
  localparam int unsigned WindowW = 66;
  typedef struct packed {
    logic [SlotW-1:0] sinks;
    logic [SlotW-1:0] first_slot;
    logic [SlotW-1:0] count;
  } window_t;

  // What its scores are multiplied by: q_scale * (1 / sqrt(head_dim) / s).
  localparam int unsigned FactorsW = 64;
  typedef struct packed {
    logic [31:0] sink;
    logic [31:0] window;
  } factors_t;

  // A score that is there.
  localparam int unsigned ScoreWriteW = 7;
  typedef struct packed {
    logic              valid;
    logic              start;  // the first of its query
    logic              done;   // the last of the head
    logic [QueryW-1:0] query;
  } score_write_t;

  // Cycles after the engine's control of a beat of keys: its records are there all at once; its
  // first step comes. Modules check them.
  localparam int unsigned RecordStage = 9;
  localparam int unsigned StepStage = 19;
  // Cycles after a step: the key's scale meets the query's factor; the product is converted; the
  // score is there.
  localparam int unsigned ScaleStage = 2;
  localparam int unsigned ConvertStage = 5;
  localparam int unsigned ScoreStages = 14;

  localparam int unsigned HeadsW = 2;  // counts heads whose scores are there

  // The scores of a head. Places are of rings: those of a head follow each other.
  localparam int unsigned ChunkRowsW = 5;
  localparam int unsigned HeadW = 70;
  typedef struct packed {
    logic [AddressW-1:0]   rows;        // beats of keys of each lane, whole chunks
    logic [ChunkRowsW-1:0] chunk_rows;  // of a chunk, less one
    logic [QueryW-1:0]     last_query;
    logic                  split;       // two tokens a beat
    logic [AddressW-1:0]   address;     // of the first score
    logic [AddressW-1:0]   row;         // of the first beat
    logic [AddressW-1:0]   block;       // of the first levels
    logic [AddressW-1:0]   chunk;       // of the first chunk
  } head_t;

  // A walk over them, in the order in which they came.
  localparam int unsigned WalkW = 58;
  typedef struct packed {
    logic                valid;
    logic                start;    // in the first chunk
    logic                first;    // of its query in a chunk
    logic                last;     // the same
    logic                done;     // the last of all
    logic                half;     // which token of two
    logic [QueryW-1:0]   query;
    logic [AddressW-1:0] address;  // of a score or a weight
    logic [AddressW-1:0] row;      // of a beat of keys
    logic [AddressW-1:0] block;    // of levels: a beat and the queries the engine takes at once
    logic [AddressW-1:0] chunk;    // of a chunk and the queries that the engine takes at once
  } walk_t;

  // Softmax, cycles after a step of its walk: score and scale are read; the exponential is there;
  // the weight is.
  localparam int unsigned PowerStages = 23;
  localparam int unsigned WeightStages = 32;
  // Levels, the same: the weight is read; level and term are there.
  localparam int unsigned LevelStages = 15;
  // From a chunk's last row to its inverse; from a head's last chunk to its scalars, and two cycles
  // more for each query.
  localparam int unsigned ChunkInverseStages = 31;
  localparam int unsigned HeadScalarStages = 39;
  localparam int unsigned PowerSumW = 38;  // of exponentials of all lanes
  localparam int unsigned TotalW = 54;     // of all slots
  localparam int unsigned MaxFactor = 32767;
  localparam int unsigned MaxSlotWeight = 2167;
  localparam logic [31:0] MaxFactorFloat = 32'h46FF_FE00;
  localparam logic [31:0] MaxSlotWeightFloat = 32'h4507_7000;
  localparam logic [31:0] SumUnit = 32'h3671_F302;
  localparam int unsigned PowerW = 31;
  // What a lane_tree finds: the sum; the largest by value; by magnitude.
  localparam int unsigned TreeSum = 0;
  localparam int unsigned TreeLargest = 1;
  localparam int unsigned TreeMagnitude = 2;

  localparam int unsigned LevelW = 7;
  localparam int unsigned TermW = 12;     // of a level times up to 8
  localparam int unsigned TermSumW = 18;  // of 32 of them, and then some
  localparam int unsigned ZeroSumStages = 4;
endpackage
