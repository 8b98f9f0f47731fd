// Heads on their way out of the banks: what is made of them. See docs/reference/rtl-head.md.
package head_pkg;
  localparam int unsigned HeldDelay = 2;  // from a read of the banks to their floats
  localparam int unsigned QueryW = 4;     // as in kv_pkg
  localparam int unsigned TokenW = 4;     // of accllm_pkg::MaxSlots
  localparam int unsigned LaneW = 5;
  localparam int unsigned BankW = 2;      // as in kv_pkg

  typedef enum logic [1:0] {
    KindQuery = 2'd0,  // rotated, transformed, A8
    KindKey = 2'd1,    // rotated, transformed, KV4
    KindValue = 2'd2   // KV4
  } kind_e;

  // One head of one token.
  localparam int unsigned JobW = 19;
  typedef struct packed {
    kind_e             kind;
    logic              is_far;     // rotated by the angles that meet the sinks
    logic [TokenW-1:0] token;
    logic [QueryW-1:0] query;      // of those that share a KV head
    logic              ends_fold;  // the last of the queries that the engine takes at once
    logic [BankW-1:0]  bank;       // where the queries go
    logic [LaneW-1:0]  lane;       // of the head's first tile
  } job_t;

  // What is known of a query behind its transform.
  localparam int unsigned QueryInfoW = 8;
  typedef struct packed {
    logic [QueryW-1:0] query;
    logic              is_far;
    logic              ends_fold;
    logic [BankW-1:0]  bank;
  } query_t;

  // Cycles; modules check them. The transform has two stages within a beat and four between beats
  // 1, 2, 4 and 8 apart; 128 dimensions take another one, between beats 16 apart.
  localparam int unsigned RopeStages = 10;
  localparam int unsigned Transform64Stages = 39;
  localparam int unsigned Transform128Stages = 20;

  // kernels::ScoreFactor of 64 and of 128 dimensions: 1 / sqrt(head_dim) / head_dim.
  localparam logic [31:0] ScoreFactor64 = 32'h3B00_0000;
  localparam logic [31:0] ScoreFactor128 = 32'h3A35_04F3;
endpackage
